"""By chance."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.runtime.engine.balancing.balancer import Balancer, drawn
from routelab.runtime.engine.station import Station


class WeightedRandom(Balancer):
    """Each as often as its weight says, in the long run."""

    def choose(self, free: Sequence[Station], now: float) -> Station:
        return free[drawn(free, self.rng)]
