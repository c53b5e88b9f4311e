"""At each step ask the first model of the set of models that is worth most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from routelab.core import (
    AnswerQuery,
    Bools,
    Call,
    Context,
    Deliver,
    Feedback,
    Floats,
    Ints,
    Policy,
    Route,
    ScorerUse,
    Stage,
    Table,
    ask,
)
from routelab.core.messages import listed, number
from routelab.errors import NoModelError, PolicyError
from routelab.policies.checks import models_problems, price_problems
from routelab.policies.price import expected
from routelab.policies.supermodel import Candidate, best_prefix, best_set, best_single, surplus
from routelab.policies.wording import less_cost


class CascadeRouting(Policy, frozen=True, tag="cascade-routing"):
    """Choose at every step among all sets of models not yet asked, and deliver the best answer.

    A set is worth the expected maximum of its qualities and of the best answer so far, minus
    cost_weight x its cost. The first model of the best set is asked; when no set is worth more
    than stopping, the answer of greatest quality is delivered.

    Attributes:
        models: (m,) in the order they are asked within a set, usually cheapest first.
        quality: scorer of quality before any answer.
        after: scorer of every model's quality after an answer; empty if none is fitted, and
            then a model is chosen once, as by `utility`.
        signals: confidence signals that `after` reads, obtained with every answer.
        resolution: (m,) in [0, 1], how much `after` is expected to learn of a model's quality
            from its answer: the standard deviation of its predictions over that of a perfect
            judge; empty for 0.
        cost: scorer of USD of a call; empty for the constants.
        costs: (m,) USD of a call of each model, signals included.
        cost_weight: quality that one USD is worth.
        max_steps: calls at most; None for no limit.
        supermodels: sets looked at: "any", "single" ones (routing), or "prefix"es of `models`
            (cascading).
    Source: cascade routing, arXiv 2410.10347.
    """

    models: tuple[str, ...]
    quality: str
    after: str = ""
    signals: tuple[str, ...] = ()
    resolution: tuple[float, ...] = ()
    cost: str = ""
    costs: tuple[float, ...] = ()
    cost_weight: float = 0.0
    max_steps: int | None = None
    supermodels: Literal["any", "single", "prefix"] = "any"

    def __post_init__(self) -> None:
        kind = "cascade routing"
        problems = [
            *models_problems(kind, self.models, 2),
            *price_problems(kind, "cost", self.cost_weight, self.cost, self.costs, self.models),
        ]
        if self.resolution and len(self.resolution) != len(self.models):
            problems.append(
                f"{kind} of {len(self.models)} models needs {len(self.models)} resolutions, got"
                f" {len(self.resolution)}"
            )
        problems += [
            f"resolution {index} of {kind} is {value}; it must lie in [0, 1]"
            for index, value in enumerate(self.resolution)
            if not 0.0 <= value <= 1.0
        ]
        if len(set(self.signals)) < len(self.signals):
            problems.append(f"{kind} names a signal twice: {', '.join(self.signals)}")
        if not self.after and (self.signals or any(self.resolution)):
            problems.append(
                f"{kind} has signals or resolutions and no scorer that learns from an answer;"
                " name one as `after`"
            )
        if self.max_steps is not None and self.max_steps < 1:
            problems.append(f"max_steps of {kind} is {self.max_steps}; it is 1 or more")
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        x.left(self.models)
        quality = x.predictions(self.quality)
        scorer = self.cost if self.cost_weight else ""
        costs = dict(zip(self.models, expected(x, self.models, scorer, self.costs), strict=True))
        prices = {name: self.cost_weight * cost for name, cost in costs.items()}
        best: tuple[float, Feedback] | None = None
        while left := self._left(x, best):
            candidates = [self._candidate(name, quality[name], prices[name]) for name in left]
            room = min(len(left), self._room(x))
            chosen = self._choose(None if best is None else best[0], candidates, room)
            x.because(_reason, left, candidates, chosen, best)
            if not chosen:
                break
            model = left[chosen[0]]
            if best is None and (room == 1 or self._chooses_once):
                return Deliver((yield from ask(Call(model, final=True))))
            seen = yield from ask(Call(model, need=self.signals))
            if seen.error is not None:
                continue
            if self.after:
                quality = quality | x.predictions(self.after, seen)
            inside = _inside(quality.get(seen.model, quality[model]))  # or of a fallback
            if best is None or inside > best[0]:
                best = (inside, seen)
        assert best is not None  # otherwise `_left` had raised
        x.because(_delivered, best)
        return Deliver(best[1])

    @property
    def _chooses_once(self) -> bool:
        return self.supermodels == "single" or not self.after

    def _room(self, x: Context) -> int:
        """How many more calls may be made."""
        steps = len(self.models) if self.max_steps is None else self.max_steps
        return steps - len(x.called)

    def _left(self, x: Context, best: object) -> list[str]:
        """The models that may be asked next; none only if there is an answer."""
        try:
            if self._room(x) > 0:
                return x.left(self.models)
            raise NoModelError(f"request {x.request.id!r}: all {self.max_steps} calls failed")
        except NoModelError:
            if best is None:
                raise
            return []

    def _candidate(self, name: str, quality: float, price: float) -> Candidate:
        resolution = self.resolution[self.models.index(name)] if self.resolution else 0.0
        return Candidate(_inside(quality), resolution, price)

    def _choose(
        self, held: float | None, candidates: Sequence[Candidate], room: int
    ) -> Sequence[int]:
        """Indices of the set worth most, the first of which is asked now; none to stop."""
        if self.supermodels == "single":
            chosen: Sequence[int] = ()
        elif self.supermodels == "prefix":
            chosen = range(best_prefix(held, candidates, room))
        else:
            chosen = best_set(held or 0.0, candidates, room)
        return chosen if chosen or held is not None else (best_single(candidates),)

    def replay_batch(self, table: Table) -> list[Stage]:
        columns = [table.column(name) for name in self.models]
        n, need = len(table.ids), self.signals[:1]
        left = np.ones((n, len(columns)), dtype=np.bool_)
        if table.allowed is not None:
            left = table.allowed[:, columns]
        quality = self._by_model(table.predictions(self.quality), n)
        scorer = self.cost if self.cost_weight else ""
        costs = expected(table, self.models, scorer, self.costs)
        prices = self._by_model(
            {name: self.cost_weight * it for name, it in zip(self.models, costs, strict=True)}, n
        )
        best, worth = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
        stages, going = [], table.everyone()
        for room in range(self.max_steps or len(columns), 0, -1):
            going = going & left.any(axis=1)
            chosen = self._chosen(going, left, best, worth, quality, prices, room)
            going = chosen >= 0
            only = np.minimum(left.sum(axis=1), room) == 1
            final = going & (best < 0) & (only | self._chooses_once)
            for index in np.unique(chosen[going]).tolist():
                column, here = columns[index], chosen == index
                stages.append(Stage(column, here & final, None))
                here = here & ~final
                stages.append(Stage(column, here, need[0] if need else None, self.signals[1:]))
                seen = here if table.failed is None else here & ~table.failed[:, column]
                if self.after:
                    asked = AnswerQuery(self.after, column, self.signals)
                    quality[seen] = self._by_model(table.predictions(self.after, asked), n)[seen]
                value = _all_inside(quality[:, index])
                better = seen & ((best < 0) | (value > worth))
                best[better], worth[better] = index, value[better]
            left[going, chosen[going]] = False
            going = going & ~final
        return stages + [
            Stage(column, best == index, None, again=True) for index, column in enumerate(columns)
        ]

    def _by_model(self, values: Mapping[str, Floats | float], n: int) -> Floats:
        """(n, m) a copy in the order of `models`."""
        return np.stack([np.broadcast_to(values[name], n) for name in self.models], axis=1)

    def _chosen(
        self,
        going: Bools,
        left: Bools,
        best: Ints,
        worth: Floats,
        quality: Floats,
        prices: Floats,
        room: int,
    ) -> Ints:
        """(n,) index of the model that each request asks now; -1 for none.

        Sets are searched row by row, by the very code that `route` runs.
        """
        resolution = self.resolution or (0.0,) * len(self.models)
        chosen = np.full(len(going), -1, dtype=np.int64)
        if not going.any():
            return chosen
        asked, pattern = np.unique(left[going], axis=0, return_inverse=True)
        whose = np.full(len(going), -1)
        whose[going] = pattern.ravel()
        for kind, among in enumerate(asked):
            here, rows = np.flatnonzero(among).tolist(), np.flatnonzero(whose == kind)
            every = _all_inside(quality[rows][:, here]).tolist()
            price = prices[rows][:, here].tolist()
            held = [
                None if at < 0 else it
                for at, it in zip(best[rows].tolist(), worth[rows].tolist(), strict=True)
            ]
            spread, most = [resolution[i] for i in here], min(len(here), room)
            for row, inside, of, value in zip(rows.tolist(), every, price, held, strict=True):
                found = self._choose(value, list(map(Candidate, inside, spread, of)), most)
                if found:
                    chosen[row] = here[found[0]]
        return chosen

    @property
    def explained(self) -> tuple[str, ...]:
        known = f" and its {listed(self.signals)}" if self.signals else ""
        again = f"; after an answer, from it{known} (scorer {self.after!r})" if self.after else ""
        most = "" if self.max_steps is None else f" At most {self.max_steps} are asked."
        return (
            f"Predict how well each of {listed(self.models)} would do (scorer {self.quality!r})"
            f"{again}.",
            "At each step ask the first of those that are expected to add most quality"
            f"{less_cost(self.cost_weight)}.",
            f"Stop when none is worth its price, and deliver the best answer so far.{most}",
        )

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models

    @property
    def signals_used(self) -> tuple[str, ...]:
        return self.signals

    @property
    def scorer_uses(self) -> tuple[ScorerUse, ...]:
        uses = [ScorerUse(self.quality, "quality", self.models)]
        if self.after:
            uses.append(ScorerUse(self.after, "quality", self.models, after=True))
        if self.cost and self.cost_weight:
            uses.append(ScorerUse(self.cost, "cost", self.models))
        return tuple(uses)


def _reason(
    left: Sequence[str],
    candidates: Sequence[Candidate],
    chosen: Sequence[int],
    best: tuple[float, Feedback] | None,
) -> str:
    if not chosen:
        return "no other model is worth asking"
    names = [left[index] for index in chosen]
    adds = surplus(0.0 if best is None else best[0], [candidates[index] for index in chosen])
    together = f"{listed(names)} together are" if names[1:] else f"{names[0]} is"
    beside = "" if best is None else f" more than the answer of {best[1].model}"
    return f"{together} worth {number(adds)}{beside}, the most: {names[0]} is asked"


def _delivered(best: tuple[float, Feedback]) -> str:
    quality, seen = best
    return f"the answer of {seen.model} is the best one seen, of quality {number(quality)}"


def _inside(quality: float) -> float:
    return min(max(quality, 0.0), 1.0)


def _all_inside(quality: Floats) -> Floats:
    """`_inside` of each; NaN stays NaN."""
    above = np.where(quality < 0.0, 0.0, quality)
    return np.where(above > 1.0, 1.0, above)
