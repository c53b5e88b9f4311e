"""Randomise between two policies: every point on the line between them."""

from __future__ import annotations

from routelab.core.context import Context
from routelab.core.policy import Child, Policy
from routelab.core.protocol import Route
from routelab.core.table import Stage, Table
from routelab.errors import PolicyError


class Mixture(Policy, frozen=True, tag="mixture"):
    """Follow `first` with probability `weight`, else `second`, drawn per request.

    Attributes:
        name: of the draw; nested mixtures need different names to be independent.
    """

    first: Child
    second: Child
    weight: float
    name: str = "mixture"

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight <= 1.0:
            raise PolicyError(f"weight of the mixture is {self.weight}; it must lie in [0, 1]")

    def _probabilities(self) -> tuple[float, float]:
        return (self.weight, 1.0 - self.weight)

    def route(self, x: Context) -> Route:
        chosen = (self.first, self.second)[x.choose(self.name, self._probabilities())]
        return (yield from chosen.route(x))

    def replay_batch(self, table: Table) -> list[Stage] | None:
        first, second = self.first.replay_batch(table), self.second.replay_batch(table)
        if first is None or second is None:
            return None
        takes_second = table.choose(self.name, self._probabilities()).astype(bool)
        return [stage._replace(rows=stage.rows & ~takes_second) for stage in first] + [
            stage._replace(rows=stage.rows & takes_second) for stage in second
        ]

    @property
    def models_used(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.first.models_used + self.second.models_used))

    @property
    def signals_used(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.first.signals_used + self.second.signals_used))
