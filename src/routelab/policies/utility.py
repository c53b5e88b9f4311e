"""Ask the model that is predicted to be worth most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from routelab.core import Call, Context, Deliver, Policy, Route, ScorerUse, Stage, Table, ask
from routelab.core.messages import listed, number
from routelab.errors import PolicyError
from routelab.policies.checks import models_problems, price_problems
from routelab.policies.price import Predictor, expected
from routelab.policies.wording import less_cost


class Utility(Policy, frozen=True, tag="utility"):
    """Ask the allowed model of greatest quality - cost_weight x cost - latency_weight x latency.

    Of equal models the one listed first is asked, so list the cheaper first.

    Attributes:
        models: (m,).
        quality: scorer of quality.
        cost, latency: scorers of USD and seconds of a call; empty for the constants.
        costs, latencies: (m,) constants, where no scorer is named.
        cost_weight: quality that one USD is worth.
        latency_weight: quality that one second is worth.
    Source: RouterBench's predictive routers, arXiv 2403.12031, section 4.
    """

    models: tuple[str, ...]
    quality: str
    cost: str = ""
    costs: tuple[float, ...] = ()
    cost_weight: float = 0.0
    latency: str = ""
    latencies: tuple[float, ...] = ()
    latency_weight: float = 0.0

    def __post_init__(self) -> None:
        problems = [
            *models_problems("utility", self.models, 1),
            *price_problems(
                "utility", "cost", self.cost_weight, self.cost, self.costs, self.models
            ),
            *price_problems(
                "utility",
                "latency",
                self.latency_weight,
                self.latency,
                self.latencies,
                self.models,
            ),
        ]
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        left = x.left(self.models)
        worth = dict(zip(self.models, self._worth(x), strict=True))
        best = left[0]
        for name in left[1:]:
            if worth[name] > worth[best]:
                best = name
        for name in left:
            if name != best:
                x.near(worth[best] - worth[name])
        x.because(_reason, best, worth, left)
        return Deliver((yield from ask(Call(best, final=True))))

    def _worth(self, x: Predictor) -> list[Any]:
        """(m,) utilities: numbers for one request, arrays (n,) for a table."""
        quality = x.predictions(self.quality)
        worth: list[Any] = [quality[name] for name in self.models]
        for weight, scorer, constants in (
            (self.cost_weight, self.cost, self.costs),
            (self.latency_weight, self.latency, self.latencies),
        ):
            if weight:
                prices = expected(x, self.models, scorer, constants)
                worth = [it - weight * price for it, price in zip(worth, prices, strict=True)]
        return worth

    def replay_batch(self, table: Table) -> list[Stage]:
        worth = self._worth(table)
        chosen = np.full(len(table.ids), -1)
        highest = np.full(len(table.ids), np.nan)
        for index, name in enumerate(self.models):
            better = (chosen < 0) | (worth[index] > highest)
            allowed = table.allows(name)
            better = better if allowed is None else better & allowed
            chosen = np.where(better, index, chosen)
            highest = np.where(better, worth[index], highest)
        return [
            Stage(table.column(name), chosen == index, None)
            for index, name in enumerate(self.models)
        ]

    @property
    def explained(self) -> tuple[str, ...]:
        price = less_cost(self.cost_weight)
        if self.latency_weight:
            price += f", and minus {number(self.latency_weight)} times its latency in seconds"
        return (
            f"Before any answer, predict how well each of {listed(self.models)} would do on the"
            f" request (scorer {self.quality!r}).",
            f"Ask the one of greatest predicted quality{price}.",
        )

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models

    @property
    def scorer_uses(self) -> tuple[ScorerUse, ...]:
        uses = [ScorerUse(self.quality, "quality", self.models)]
        if self.cost and self.cost_weight:
            uses.append(ScorerUse(self.cost, "cost", self.models))
        if self.latency and self.latency_weight:
            uses.append(ScorerUse(self.latency, "latency", self.models))
        return tuple(uses)


def _reason(best: str, worth: Mapping[str, float], left: Sequence[str]) -> str:
    others = sorted((name for name in left if name != best), key=lambda name: -worth[name])
    beside = ", ".join(f"{name} {number(worth[name])}" for name in others)
    return (
        f"{best} is of the greatest utility, {number(worth[best])}"
        f"{f'; the others: {beside}' if others else ''}"
    )
