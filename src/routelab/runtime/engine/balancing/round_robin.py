"""In turn."""

from __future__ import annotations

import random
from collections.abc import Sequence

from routelab.runtime.engine.balancing.balancer import Balancer
from routelab.runtime.engine.deployment_state import DeploymentState


class RoundRobin(Balancer):
    """Each in turn, the heavier ones more often, spread evenly.

    Source: nginx, smooth weighted round robin.
    """

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._credit: dict[DeploymentState, float] = {}

    def choose(self, free: Sequence[DeploymentState], now: float) -> DeploymentState:
        credit = self._credit
        for state in free:
            credit[state] = credit.get(state, 0.0) + state.weight
        chosen = max(free, key=credit.__getitem__)
        credit[chosen] -= sum(state.weight for state in free)
        return chosen
