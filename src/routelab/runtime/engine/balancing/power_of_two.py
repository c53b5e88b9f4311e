"""The better one of two that are drawn.

Source: M. Mitzenmacher, The power of two choices in randomized load balancing, 2001.
"""

from __future__ import annotations

from collections.abc import Sequence

from routelab.runtime.engine.balancing.balancer import Balancer, drawn
from routelab.runtime.engine.deployment_state import DeploymentState
from routelab.runtime.engine.latency import UNKNOWN_S


class PowerOfTwo(Balancer):
    """Two drawn by weight; the one with the smaller latency times calls under way."""

    def choose(self, free: Sequence[DeploymentState], now: float) -> DeploymentState:
        at = drawn(free, self.rng)
        one = free[at]
        others = (*free[:at], *free[at + 1 :])
        other = others[0] if len(others) == 1 else others[drawn(others, self.rng)]
        return one if load(one, now) <= load(other, now) else other


def load(state: DeploymentState, now: float) -> float:
    """Seconds that the calls under way and one more are expected to take."""
    expected = state.latency.at(now) or (UNKNOWN_S if state.in_flight else 0.0)
    return expected * (state.in_flight + 1)
