"""The cascades of one chain that are best at some trade-off of quality against cost."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from routelab.logs.model import Log
from routelab.tuning.solvers.grid import GridCascade
from routelab.tuning.solvers.trade_offs import prices

PRICES = 25
"""Qualities per USD at which the best cascade of a chain is looked for."""


def supported_points(found: Iterable[GridCascade], log: Log) -> list[GridCascade]:
    """The cascades of greatest quality minus lambda times cost, at one lambda or another.

    Args:
        found: cascades with their sums over the log.
        log: the same rows, whose costs say which lambdas (quality per USD) to try.
    """
    listed = list(found)
    if not listed:
        return []
    cost = np.array([one.cost for one in listed])
    quality = np.array([one.quality for one in listed])
    at = {int(np.argmax(quality - price * cost)) for price in prices(log, PRICES)}
    return [listed[index] for index in sorted(at)]
