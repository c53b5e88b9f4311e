"""Solvers of cascades: thresholds that are best on the rows given, without randomised search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.tuning.solvers.chains import chains
from routelab.tuning.solvers.supported_points import supported_points

if TYPE_CHECKING:
    from routelab.tuning.solvers import grid, line_search, local_search
    from routelab.tuning.solvers.chains import MAX_STEPS, chains_of
    from routelab.tuning.solvers.grid import GridCascade
    from routelab.tuning.solvers.supported_points import PRICES
    from routelab.tuning.solvers.thresholds import ThresholdCandidates, threshold_candidates
    from routelab.tuning.solvers.trade_offs import prices
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "GridCascade": "grid",
            "MAX_STEPS": "chains",
            "PRICES": "supported_points",
            "ThresholdCandidates": "thresholds",
            "chains_of": "chains",
            "grid": "",
            "line_search": "",
            "local_search": "",
            "prices": "trade_offs",
            "threshold_candidates": "thresholds",
        },
    )

__all__ = [
    "MAX_STEPS",
    "PRICES",
    "GridCascade",
    "ThresholdCandidates",
    "chains",
    "chains_of",
    "grid",
    "line_search",
    "local_search",
    "prices",
    "supported_points",
    "threshold_candidates",
]
