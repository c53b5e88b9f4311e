"""The policies of one chain that are best at some price of a dollar."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from routelab.logs.model import Log
from routelab.tuning.solvers.grid import GridCascade
from routelab.tuning.solvers.trade_offs import prices

PRICES = 25


def supported_points(found: Iterable[GridCascade], log: Log) -> list[GridCascade]:
    """Those of greatest quality minus price times cost, at one price or another."""
    listed = list(found)
    if not listed:
        return []
    cost = np.array([one.cost for one in listed])
    quality = np.array([one.quality for one in listed])
    at = {int(np.argmax(quality - price * cost)) for price in prices(log, PRICES)}
    return [listed[index] for index in sorted(at)]
