"""Ask the model that did best on the most similar requests."""

from __future__ import annotations

from routelab.core import Context, Policy, Route, ScorerUse, Stage, Table
from routelab.core.messages import listed
from routelab.errors import PolicyError
from routelab.policies.checks import models_problems, price_problems
from routelab.policies.utility import Utility
from routelab.policies.wording import less_cost


class Neighbors(Policy, frozen=True, tag="neighbors"):
    """Ask the allowed model of greatest quality on the neighbours - cost_weight x cost.

    Attributes:
        models: (m,) two or more, the cheaper first: it is asked where two are equal.
        scorer: of quality, by nearest neighbours.
        costs: (m,) USD of a call.
        cost_weight: quality that one USD is worth.
    Source: RouterBench's k-nearest-neighbours router, arXiv 2403.12031, section 4.
    """

    models: tuple[str, ...]
    scorer: str
    costs: tuple[float, ...] = ()
    cost_weight: float = 0.0

    def __post_init__(self) -> None:
        problems = [
            *models_problems("neighbors", self.models, 2),
            *price_problems("neighbors", "cost", self.cost_weight, "", self.costs, self.models),
        ]
        if problems:
            raise PolicyError(*problems)

    def _utility(self) -> Utility:
        return Utility(
            models=self.models,
            quality=self.scorer,
            costs=self.costs,
            cost_weight=self.cost_weight,
        )

    def route(self, x: Context) -> Route:
        return (yield from self._utility().route(x))

    def replay_batch(self, table: Table) -> list[Stage]:
        return self._utility().replay_batch(table)

    @property
    def explained(self) -> tuple[str, ...]:
        return (
            f"Look up the logged requests most like this one (scorer {self.scorer!r}).",
            f"Ask the one of {listed(self.models)} that did best on them"
            f"{less_cost(self.cost_weight)}.",
        )

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models

    @property
    def scorer_uses(self) -> tuple[ScorerUse, ...]:
        return (ScorerUse(self.scorer, "quality", self.models, kind="neighbors"),)
