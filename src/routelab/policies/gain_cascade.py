"""Ask cheap models first, and the next one while it is expected to be worth its price."""

from __future__ import annotations

import math

import numpy as np

from routelab.core import (
    AnswerQuery,
    Bools,
    Call,
    Context,
    Deliver,
    Feedback,
    Policy,
    Route,
    ScorerUse,
    Stage,
    Table,
    ask,
)
from routelab.core.messages import listed, number
from routelab.errors import PolicyError
from routelab.policies.checks import models_problems, price_problems
from routelab.policies.price import expected


class GainCascade(Policy, frozen=True, tag="gain-cascade"):
    """Ask `models` in turn while the expected gain of the next exceeds cost_weight x its cost.

    A failed call always asks the next. A model that is not allowed is skipped.

    Attributes:
        models: (m,) in the order they are asked, usually cheapest first; m >= 2.
        gain: scorer that says, after an answer, how much better each later model is expected
            to be than the one that answered.
        signals: confidence signals that the scorer reads, obtained with every answer that
            may be overruled.
        cost: scorer of USD of a call; empty for the constants.
        costs: (m,) USD of a call of each model as a step, signals included.
        cost_weight: quality that one USD is worth; 0 asks on for any gain.
        margins: (m - 1,) what the gain must exceed beyond that, after each model's answer;
            empty for 0. Below 0 asks on for the sake of a still later model.
    Source: deferral by the expected gain, Jitkrittum et al. 2023, arXiv 2307.02764.
    """

    models: tuple[str, ...]
    gain: str
    signals: tuple[str, ...] = ()
    cost: str = ""
    costs: tuple[float, ...] = ()
    cost_weight: float = 0.0
    margins: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            *models_problems("a gain cascade", self.models, 2),
            *price_problems(
                "a gain cascade", "cost", self.cost_weight, self.cost, self.costs, self.models
            ),
        ]
        if self.margins and len(self.margins) != len(self.models) - 1:
            problems.append(
                f"a gain cascade of {len(self.models)} models needs {len(self.models) - 1}"
                f" margins, got {len(self.margins)}"
            )
        problems += [
            f"margin {index} of a gain cascade is {value}; margins must be finite"
            for index, value in enumerate(self.margins)
            if not math.isfinite(value)
        ]
        if len(set(self.signals)) < len(self.signals):
            problems.append(f"a gain cascade names a signal twice: {', '.join(self.signals)}")
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        for index, model in enumerate(self.models):
            if model not in x.allowed:
                continue
            if x.allowed.isdisjoint(self.models[index + 1 :]):
                break
            seen = yield from ask(Call(model, need=self.signals))
            if seen.error is None and not self._defers(x, seen, index):
                return Deliver(seen)
        return Deliver((yield from ask(Call(x.last(self.models), final=True))))

    def _margin(self, index: int) -> float:
        return self.margins[index] if self.margins else 0.0

    def _defers(self, x: Context, seen: Feedback, index: int) -> bool:
        """Whether the next allowed model is expected to be worth its price."""
        later = self.models[index + 1 :]
        following = next((name for name in later if name in x.allowed), None)
        if following is None:
            return False
        gain = x.predictions(self.gain, seen)[following]
        prices = expected(x, self.models, self.cost if self.cost_weight else "", self.costs)
        price = self.cost_weight * prices[self.models.index(following)] + self._margin(index)
        x.near(gain - price)
        deferred = bool(gain > price)
        x.because(_reason, deferred, following, seen.model, gain, price)
        return deferred

    def replay_batch(self, table: Table) -> list[Stage]:
        need, more = self.signals[:1], self.signals[1:]
        stages, waiting = [], table.everyone()
        for index, model in enumerate(self.models):
            column = table.column(model)
            allowed = table.allows(model)
            here = waiting if allowed is None else waiting & allowed
            final = here & ~table.allows_any(self.models[index + 1 :])
            stages.append(Stage(column, final, None))
            if index + 1 < len(self.models):
                here = here & ~final
                stages.append(Stage(column, here, need[0] if need else None, more))
                waiting = waiting & ~final & ~(here & ~self._defer(table, index))
        return stages

    def _defer(self, table: Table, index: int) -> Bools:
        """(n,) whether the answer of a model is overruled, where a later one is allowed."""
        column = table.column(self.models[index])
        gain = table.predictions(self.gain, AnswerQuery(self.gain, column, self.signals))
        prices = expected(table, self.models, self.cost if self.cost_weight else "", self.costs)
        worth = np.zeros(len(table.ids), dtype=np.bool_)
        for later in range(len(self.models) - 1, index, -1):
            name = self.models[later]
            exceeds = gain[name] > self.cost_weight * prices[later] + self._margin(index)
            allowed = table.allows(name)
            worth = exceeds if allowed is None else np.where(allowed, exceeds, worth)
        return worth if table.failed is None else worth | table.failed[:, column]

    @property
    def explained(self) -> tuple[str, ...]:
        known = (
            f", the answer and its {listed(self.signals)}" if self.signals else " and the answer"
        )
        after = [
            f"{number(margin)} after {model}"
            for margin, model in zip(self.margins, self.models, strict=False)
        ]
        margin = f"a margin ({listed(after)})" if any(self.margins) else ""
        price = f"{number(self.cost_weight)} times its cost in USD" if self.cost_weight else ""
        return (
            f"Ask {', then '.join(self.models)}, as long as the next one is worth it.",
            "After each answer, predict from the request"
            f"{known} how much better the next one would do (scorer {self.gain!r}); ask it if"
            f" that exceeds {' plus '.join(filter(None, (price, margin))) or 'nothing'}.",
        )

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models

    @property
    def signals_used(self) -> tuple[str, ...]:
        return self.signals

    @property
    def scorer_uses(self) -> tuple[ScorerUse, ...]:
        uses: tuple[ScorerUse, ...] = (ScorerUse(self.gain, "gain", self.models[1:], after=True),)
        if self.cost and self.cost_weight:
            uses += (ScorerUse(self.cost, "cost", self.models),)
        return uses


def _reason(deferred: bool, model: str, after: str, gain: float, price: float) -> str:
    return (
        f"{model} is {'' if deferred else 'not '}asked after {after}: it is expected to add"
        f" {number(gain)}, and has to add more than {number(price)}"
    )
