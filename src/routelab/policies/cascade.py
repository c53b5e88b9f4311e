"""Ask cheap models first and stop at the first confident answer."""

from __future__ import annotations

import math

from routelab.core import Call, Context, Deliver, Policy, Route, Stage, Table, ask
from routelab.core.messages import number
from routelab.errors import PolicyError


class Cascade(Policy, frozen=True, tag="cascade"):
    """Ask `models` in turn; deliver the first answer whose signal reaches its threshold.

    >>> from routelab.policies import Cascade
    >>> cascade = Cascade(("small-8b", "frontier"), (0.8,), "confidence")
    >>> print(*cascade.explained, sep="\\n")
    Ask small-8b; keep its answer if confidence ≥ 0.8.
    Else deliver what frontier answers.

    Attributes:
        models: (m,) in the order they are asked, usually cheapest first; m >= 2.
        thresholds: (m - 1,) in units of the signal; finite.
        signal: the confidence compared by `>=`; a missing one (NaN) escalates.
    Source: FrugalGPT, arXiv 2305.05176.
    """

    models: tuple[str, ...]
    thresholds: tuple[float, ...]
    signal: str

    def __post_init__(self) -> None:
        models, thresholds = len(self.models), len(self.thresholds)
        problems = []
        if models < 2:
            problems.append(f"a cascade needs 2 models or more, got {models}; use Fixed for one")
        elif thresholds != models - 1:
            problems.append(
                f"cascade of {models} models needs {models - 1} thresholds, got {thresholds}"
            )
        if len(set(self.models)) < models:
            problems.append(f"cascade names a model twice: {', '.join(self.models)}")
        problems += [
            f"threshold {index} of the cascade is {value}; thresholds must be finite"
            " (leave a model out instead of never accepting it)"
            for index, value in enumerate(self.thresholds)
            if not math.isfinite(value)
        ]
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        for model, threshold in x.stages(self.models, self.thresholds):
            seen = yield from ask(Call(model, need=(self.signal,)))
            if seen.signals[self.signal] >= threshold:  # NaN (missing, failed) escalates
                return Deliver(seen)
        return Deliver((yield from ask(Call(x.last(self.models), final=True))))

    def replay_batch(self, table: Table) -> list[Stage]:
        stages = []
        waiting = table.everyone()
        for index, model in enumerate(self.models):
            column = table.column(model)
            here = waiting if table.allowed is None else waiting & table.allowed[:, column]
            later = self.models[index + 1 :]
            if table.allowed is not None or not later:
                final = here & ~table.allows_any(later)
                stages.append(Stage(column, final, None))
                here = here & ~final
                waiting = waiting & ~final
            if later:
                stages.append(Stage(column, here, self.signal))
                confident = table.signals[self.signal][:, column] >= self.thresholds[index]
                waiting = waiting & ~(here & confident)
        return stages

    @property
    def explained(self) -> tuple[str, ...]:
        asked = zip(self.models, self.thresholds, strict=False)
        return (
            *(
                f"Ask {model}; keep its answer if {self.signal} ≥ {number(threshold)}."
                for model, threshold in asked
            ),
            f"Else deliver what {self.models[-1]} answers.",
        )

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models

    @property
    def signals_used(self) -> tuple[str, ...]:
        return (self.signal,)

    @property
    def thresholds_used(self) -> tuple[tuple[str, float], ...]:
        return tuple((self.signal, it) for it in self.thresholds)
