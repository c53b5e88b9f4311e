"""What policies are compared by: scores, the user's bounds, fronts and operating points."""
