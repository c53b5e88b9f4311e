"""What a baseline comes to, request by request."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.metrics import oracle
from routelab.replay.result import Replay


class BaselineOutcome(NamedTuple):
    """Expected quality and cost of a baseline on every request.

    Attributes:
        quality: (n,) in [0, 1].
        cost_usd: (n,).
    """

    quality: Floats
    cost_usd: Floats

    def mixed(self, other: BaselineOutcome, share: Floats | float) -> BaselineOutcome:
        """This with probability 1 - share, the other with probability share (scalar or (n,))."""
        return BaselineOutcome(
            self.quality + share * (other.quality - self.quality),
            self.cost_usd + share * (other.cost_usd - self.cost_usd),
        )


def outcome(replay: Replay) -> BaselineOutcome:
    """A policy's own outcome."""
    return BaselineOutcome(replay.quality, replay.cost_usd)


def best_per_request(fixed: list[Replay]) -> BaselineOutcome:
    """The oracle: the cheapest of the best models of each request that may serve it.

    Args:
        fixed: what the candidates do; one that is ruled out does what another one does, so
            nothing is chosen that cannot be run.
    Source: RouterBench, arXiv 2403.12031.
    """
    quality = np.column_stack([replay.quality for replay in fixed])
    cost = np.column_stack([replay.cost_usd for replay in fixed])
    chosen = oracle(quality, cost)
    rows = np.arange(len(chosen))
    return BaselineOutcome(quality[rows, chosen], cost[rows, chosen])
