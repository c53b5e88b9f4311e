"""What a policy or a baseline comes to: means, the same of every resample, and sums by group."""

from __future__ import annotations

from typing import NamedTuple

from routelab.core import Floats


class OutcomeSums(NamedTuple):
    """Sums over the rows of each group (G).

    Attributes:
        quality, cost_usd: (G,) sums.
        sizes: (G,) rows.
        block: groups that were put together, as neighbours in time are alike; 1 where not.
    """

    quality: Floats
    cost_usd: Floats
    sizes: Floats
    block: int = 1


class Measure(NamedTuple):
    """Mean quality and cost per request: the estimate, and one per resample (B,).

    Attributes:
        quality: in [0, 1].
        cost_usd: USD a request.
        qualities, costs_usd: (B,) the same on each resample.
        sums: by group; for a mixture, of what it is mixed to match.
    """

    quality: float
    cost_usd: float
    qualities: Floats
    costs_usd: Floats
    sums: OutcomeSums
