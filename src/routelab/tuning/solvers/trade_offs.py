"""The trade-offs of quality against cost that solvers try: what a USD may be worth."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log


def prices(log: Log, count: int) -> Floats:
    """(count,) qualities that a USD may be worth, rising evenly on a logarithmic scale.

    From so little that cost hardly counts to so much that only cost counts; (1,) zero where
    no model costs anything.

    Args:
        log: whose mean costs a call give the range.
        count: how many.
    """
    cost = log.cost_usd.mean(axis=0)
    paid = cost[cost > 0]
    if not len(paid):
        return np.zeros(1)
    # Quality lies in [0, 1]: at the low end a call of the dearest model costs a hundredth of that
    # range, at the high end one of the cheapest paid model costs all of it.
    return np.asarray(np.geomspace(0.01 / paid.max(), 1.0 / paid.min(), count))
