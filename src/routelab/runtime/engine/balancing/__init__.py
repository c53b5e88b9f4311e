"""Ways to choose among free deployments, by the name that `[engine]` gives them."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.runtime.engine.balancing.balancer import Balancer
from routelab.runtime.engine.balancing.in_order import InOrder
from routelab.runtime.engine.balancing.least_busy import LeastBusy
from routelab.runtime.engine.balancing.power_of_two import PowerOfTwo
from routelab.runtime.engine.balancing.round_robin import RoundRobin
from routelab.runtime.engine.balancing.weighted_random import WeightedRandom

BALANCERS: Mapping[str, type[Balancer]] = {
    "power_of_two": PowerOfTwo,
    "least_busy": LeastBusy,
    "round_robin": RoundRobin,
    "weighted_random": WeightedRandom,
    "in_order": InOrder,
}

__all__ = [
    "BALANCERS",
    "Balancer",
]
