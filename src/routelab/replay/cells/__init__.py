"""Sufficient statistics: what every cascade of a grid of thresholds comes to, from one pass."""

from routelab.replay.cells.kernel import Tally, delivered_last, kernel
from routelab.replay.cells.levels import Levels
from routelab.replay.cells.spec import Chain, Spec
from routelab.replay.cells.stats import Stats, Totals, merged

__all__ = [
    "Chain",
    "Levels",
    "Spec",
    "Stats",
    "Tally",
    "Totals",
    "delivered_last",
    "kernel",
    "merged",
]
