"""What a fitted scorer is worth: ranking, calibration, features, tasks it never saw."""
