"""What a log holds besides the rows that are compared: how many, and its dearest requests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints

MOST = 100
"""Of the dearest requests, those that are kept."""


class RestOfLog(NamedTuple):
    """Requests of a log outside a comparison set, which say how dear the next one may be.

    Attributes:
        requests: how many have a cost of every candidate.
        least, most: (k,) USD, of the dearest of them with the cheapest and the dearest candidate;
            at most `MOST`, dearest first.
    """

    requests: int = 0
    least: Floats = np.empty(0)
    most: Floats = np.empty(0)


NOTHING = RestOfLog()
"""Of a log that is compared as a whole."""


def rest_of_log(cost_usd: Floats, rows: Ints) -> RestOfLog:
    """What is outside some rows.

    Args:
        cost_usd: (N, m) USD of each request of a log with each candidate; NaN where unknown.
        rows: (n,) that are compared.
    """
    outside = np.ones(len(cost_usd), dtype=np.bool_)
    outside[rows] = False
    known = cost_usd[outside]
    known = known[np.isfinite(known).all(axis=1)]
    if not known.size:
        return NOTHING
    most = known.max(axis=1)
    dearest = np.argsort(-most, kind="stable")[:MOST]
    return RestOfLog(len(known), known[dearest].min(axis=1), most[dearest])
