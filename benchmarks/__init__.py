"""Measurements beside their targets: `python -m benchmarks`."""
