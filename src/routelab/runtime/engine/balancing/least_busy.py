"""Balancing to the deployment with the fewest calls under way."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.runtime.engine.balancing.balancer import Balancer, drawn
from routelab.runtime.engine.deployment_state import DeploymentState


class LeastBusy(Balancer):
    """Fewest calls under way for its weight; among equals by chance."""

    def choose(self, free: Sequence[DeploymentState], now: float) -> DeploymentState:
        least = min(state.in_flight / state.weight for state in free)
        idle = [state for state in free if state.in_flight / state.weight == least]
        return idle[drawn(idle, self.rng)]
