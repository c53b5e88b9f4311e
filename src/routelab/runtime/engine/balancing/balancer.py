"""The protocol of balancers."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence

from routelab.runtime.engine.deployment_state import DeploymentState


class Balancer(ABC):
    """Chooses the deployment of one model that is asked next."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    @abstractmethod
    def choose(self, free: Sequence[DeploymentState], now: float) -> DeploymentState:
        """The deployment to ask next.

        Args:
            free: at least two that have room, in the order of the catalogue.
            now: seconds of the clock.
        """


def drawn(states: Sequence[DeploymentState], rng: random.Random) -> int:
    """The index of a deployment, drawn by weight."""
    left = rng.random() * sum(state.weight for state in states)
    for index, state in enumerate(states):
        left -= state.weight
        if left < 0.0:
            return index
    return len(states) - 1
