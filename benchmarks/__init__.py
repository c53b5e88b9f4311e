"""Figures beside their targets: `python -m benchmarks`."""
