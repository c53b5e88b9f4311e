"""Randomise between two policies: every point on the line between them."""

from __future__ import annotations

import numpy as np

from routelab.core import Child, Context, Policy, Route, Stage, Table
from routelab.errors import PolicyError
from routelab.policies.wording import within


class Mixture(Policy, frozen=True, tag="mixture"):
    """Follow `first` with probability `weight`, else `second`, drawn per request.

    Where all models of one are ruled out, the other is followed.

    Attributes:
        first, second: the policies.
        weight: probability of `first`, in [0, 1].
        name: of the draw; nested mixtures need different names to be independent.
    Source: interpolation of two routers, RouterBench, arXiv 2403.12031, section 3.
    """

    first: Child
    second: Child
    weight: float
    name: str = "mixture"

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight <= 1.0:
            raise PolicyError(f"weight of the mixture is {self.weight}; it must lie in [0, 1]")
        if any(
            isinstance(it, Mixture) and it.name == self.name for it in (self.first, self.second)
        ):
            raise PolicyError(
                f"a mixture inside the mixture {self.name!r} has the same name, so both would"
                " draw alike; give one another name"
            )

    def _probabilities(self) -> tuple[float, float]:
        return (self.weight, 1.0 - self.weight)

    def route(self, x: Context) -> Route:
        both = (self.first, self.second)
        can = [not x.allowed.isdisjoint(policy.models_used) for policy in both]
        weights = self._probabilities() if can[0] == can[1] else (float(can[0]), float(can[1]))
        return (yield from both[x.choose(self.name, weights)].route(x))

    def replay_batch(self, table: Table) -> list[Stage] | None:
        first, second = self.first.replay_batch(table), self.second.replay_batch(table)
        if first is None or second is None:
            return None
        takes_second = table.choose(self.name, self._probabilities()).astype(bool)
        if table.allowed is not None:
            can_first = table.allows_any(self.first.models_used)
            can_second = table.allows_any(self.second.models_used)
            takes_second = np.where(can_first == can_second, takes_second, can_second)
        return [stage._replace(rows=stage.rows & ~takes_second) for stage in first] + [
            stage._replace(rows=stage.rows & takes_second) for stage in second
        ]

    @property
    def by_chance(self) -> bool:
        return self.first.by_chance and self.second.by_chance

    @property
    def explained(self) -> tuple[str, ...]:
        share = f"{self.weight:.1%}"
        return (
            within(f"Of {share} of the requests, drawn at random", self.first.explained),
            within("Of the others", self.second.explained),
        )

    @property
    def parts(self) -> tuple[Policy, ...]:
        return (self.first, self.second)
