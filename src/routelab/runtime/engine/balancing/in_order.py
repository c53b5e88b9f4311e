"""The first one listed."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.runtime.engine.balancing.balancer import Balancer
from routelab.runtime.engine.deployment_state import DeploymentState


class InOrder(Balancer):
    """A later deployment only takes what the earlier ones cannot."""

    def choose(self, free: Sequence[DeploymentState], now: float) -> DeploymentState:
        return free[0]
