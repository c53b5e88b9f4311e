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
        for station in free:
            credit[station] = credit.get(station, 0.0) + station.weight
        chosen = max(free, key=credit.__getitem__)
        credit[chosen] -= sum(station.weight for station in free)
        return chosen
