"""Exact thresholds, without a randomised search."""
