"""What a policy or a baseline comes to: means, the same of every resample, and sums by group."""

from __future__ import annotations

import math
from typing import NamedTuple

from routelab.core import Floats


class OutcomeSums(NamedTuple):
    """Sums over the rows of each group (G).

    Attributes:
        quality, cost_usd: (G,) sums.
        sizes: (G,) rows.
        block: groups that were put together, as neighbours in time are alike; 1 where not.
        even: see `RestOfLog`.
    """

    quality: Floats
    cost_usd: Floats
    sizes: Floats
    block: int = 1
    even: float = math.inf


class Measure(NamedTuple):
    """Mean quality and cost per request: the estimate, and one per resample (B,).

    Attributes:
        quality: in [0, 1].
        cost_usd: USD a request.
        qualities, costs_usd: (B,) the same on each resample.
        sums: by group; of a mixture with its share on the whole sample.
        slope: of a mixture whose share is chosen again in every resample, to cost what a policy
            costs: quality that another USD a request buys it; 0 of all else.
    """

    quality: float
    cost_usd: float
    qualities: Floats
    costs_usd: Floats
    sums: OutcomeSums
    slope: float = 0.0
