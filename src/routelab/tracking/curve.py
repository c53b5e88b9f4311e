"""The progress of a search after each trial."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats
from routelab.metrics import hypervolume, pareto


def hypervolumes(
    cost: Sequence[float], quality: Sequence[float], feasible: Sequence[bool], dearest: float
) -> list[float]:
    """Share of the box from quality 0 and cost `dearest` that the trials so far dominate.

    Args:
        cost, quality, feasible: (n,) of the trials in order; those not feasible add nothing.
        dearest: a cost known before the search, so that studies of one log compare.
    Returns:
        (n,) in [0, 1], never falling.
    """
    front = np.empty((0, 2))
    found, value = [], 0.0
    for point in zip(cost, quality, feasible, strict=True):
        if point[2] and not _dominated(front, point[0], point[1]):
            front = np.vstack([front, point[:2]])
            front = front[pareto(front[:, 0], front[:, 1])]
            value = max(value, hypervolume(front[:, 0], front[:, 1], dearest, 0.0) / dearest)
        found.append(value)
    return found


def _dominated(front: Floats, cost: float, quality: float) -> bool:
    return bool(((front[:, 0] <= cost) & (front[:, 1] >= quality)).any())
