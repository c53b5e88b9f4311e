"""The policies of one chain that are best at some price of a dollar."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from routelab.logs.log import Log
from routelab.tuning.grid import Found

PRICES = 25


def prices(log: Log) -> list[float]:
    """Qualities that a dollar may be worth, from little to so much that only cost counts."""
    cost = log.cost_usd.mean(axis=0)
    paid = cost[cost > 0]
    if not len(paid):
        return [0.0]
    return list(map(float, np.geomspace(0.01 / paid.max(), 1.0 / paid.min(), PRICES)))


def corners(found: Iterable[Found], log: Log) -> list[Found]:
    """Those of greatest quality minus price times cost, at one price or another."""
    listed = list(found)
    if not listed:
        return []
    cost = np.array([one.cost for one in listed])
    quality = np.array([one.quality for one in listed])
    return [
        listed[at] for at in sorted({int(np.argmax(quality - it * cost)) for it in prices(log)})
    ]
