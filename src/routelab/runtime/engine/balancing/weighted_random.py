"""By chance."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.runtime.engine.balancing.balancer import Balancer, drawn
from routelab.runtime.engine.deployment_state import DeploymentState


class WeightedRandom(Balancer):
    """Each as often as its weight says, in the long run."""

    def choose(self, free: Sequence[DeploymentState], now: float) -> DeploymentState:
        return free[drawn(free, self.rng)]
