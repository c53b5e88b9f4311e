"""Objectives that policies are compared by: scores, bounds, fronts and operating points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.tuning.objectives.front import front
from routelab.tuning.objectives.operating_points import operating_points
from routelab.tuning.objectives.score import score

if TYPE_CHECKING:
    from routelab.tuning.objectives import bound_checks
    from routelab.tuning.objectives.bound_checks import (
        BoundCheck,
        bound_sentences,
        mean_bound_checks,
        on_bounds,
    )
    from routelab.tuning.objectives.bounds import Bounds, Floor
    from routelab.tuning.objectives.feasibility import Demands, Excess, demands, is_met
    from routelab.tuning.objectives.front import FrontPoint, by_cost, within
    from routelab.tuning.objectives.margins import with_margins
    from routelab.tuning.objectives.operating_points import ENOUGH, OperatingPoint, best_at
    from routelab.tuning.objectives.score import MARGIN, PolicyScore, mean_cost_quality
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "BoundCheck": "bound_checks",
            "Bounds": "bounds",
            "Demands": "feasibility",
            "ENOUGH": "operating_points",
            "Excess": "feasibility",
            "Floor": "bounds",
            "FrontPoint": "front",
            "MARGIN": "score",
            "OperatingPoint": "operating_points",
            "PolicyScore": "score",
            "best_at": "operating_points",
            "bound_checks": "",
            "bound_sentences": "bound_checks",
            "by_cost": "front",
            "demands": "feasibility",
            "is_met": "feasibility",
            "mean_bound_checks": "bound_checks",
            "mean_cost_quality": "score",
            "on_bounds": "bound_checks",
            "with_margins": "margins",
            "within": "front",
        },
    )

__all__ = [
    "ENOUGH",
    "MARGIN",
    "BoundCheck",
    "Bounds",
    "Demands",
    "Excess",
    "Floor",
    "FrontPoint",
    "OperatingPoint",
    "PolicyScore",
    "best_at",
    "bound_checks",
    "bound_sentences",
    "by_cost",
    "demands",
    "front",
    "is_met",
    "mean_bound_checks",
    "mean_cost_quality",
    "on_bounds",
    "operating_points",
    "score",
    "with_margins",
    "within",
]
