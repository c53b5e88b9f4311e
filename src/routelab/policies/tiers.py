"""Send what looks harder to a stronger model."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np

from routelab.core import Call, Context, Deliver, Policy, Route, ScorerUse, Stage, Table, ask
from routelab.core.messages import listed, number
from routelab.errors import PolicyError
from routelab.policies.checks import models_problems


class Tiers(Policy, frozen=True, tag="tiers"):
    """Ask the model of the tier that the request's complexity falls into.

    Where that model is not allowed the next tier above serves, else the next below.

    Attributes:
        scorer: of complexity.
        models: (m,) by tier, simplest first; m >= 2.
        thresholds: (m - 1,) ascending; a request belongs to the tier above a threshold that
            its complexity reaches.
    Source: the binary form is RouteLLM's, arXiv 2406.18665.
    """

    scorer: str
    models: tuple[str, ...]
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        models, thresholds = len(self.models), len(self.thresholds)
        problems = [*models_problems("tiers", self.models, 2)]
        if models >= 2 and thresholds != models - 1:
            problems.append(
                f"tiers of {models} models need {models - 1} thresholds, got {thresholds}"
            )
        problems += [
            f"threshold {index} of the tiers is {value}; thresholds must be finite"
            for index, value in enumerate(self.thresholds)
            if not math.isfinite(value)
        ]
        pairs = zip(self.thresholds, self.thresholds[1:], strict=False)
        problems += [
            f"threshold {index + 1} of the tiers is {after}, which is not above threshold {index}"
            f" ({before}); thresholds ascend, and a tier that nothing falls into is left out"
            for index, (before, after) in enumerate(pairs)
            if after <= before
        ]
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        left = x.left(self.models)
        (complexity,) = x.score(self.scorer)
        for threshold in self.thresholds:
            x.near(complexity - threshold)
        tier = bisect_right(self.thresholds, complexity)
        model = next(name for name in self._order(tier) if name in left)
        x.because(self._reason, complexity, tier, model)
        return Deliver((yield from ask(Call(model, final=True))))

    def _reason(self, complexity: float, tier: int, model: str) -> str:
        bounds = [
            *([f"from {number(self.thresholds[tier - 1])}"] if tier else []),
            *([f"below {number(self.thresholds[tier])}"] if tier < len(self.thresholds) else []),
        ]
        owner = self.models[tier]
        instead = "" if model == owner else f", which is ruled out: {model}"
        return (
            f"complexity {number(complexity)} is in the tier {' and '.join(bounds)}, of"
            f" {owner}{instead}"
        )

    def _order(self, tier: int) -> tuple[str, ...]:
        """Models to try for a tier: it and those above, then those below from the top."""
        return self.models[tier:] + self.models[:tier][::-1]

    def replay_batch(self, table: Table) -> list[Stage]:
        complexity = table.scores[self.scorer][:, 0]
        tiers = np.searchsorted(np.array(self.thresholds), complexity, side="right")
        stages = []
        for tier in range(len(self.models)):
            waiting = tiers == tier
            for model in self._order(tier):
                allowed = table.allows(model)
                here = waiting if allowed is None else waiting & allowed
                stages.append(Stage(table.column(model), here, None))
                if allowed is None:
                    break
                waiting = waiting & ~here
        return stages

    @property
    def explained(self) -> tuple[str, ...]:
        starts = zip(self.models[1:], self.thresholds, strict=True)
        higher = [f"{model} from {number(threshold)}" for model, threshold in starts]
        return (
            f"Before any answer, predict how complex the request is (scorer {self.scorer!r}).",
            f"Ask {self.models[0]} for the least complex, {listed(higher)}.",
        )

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models

    @property
    def scorer_uses(self) -> tuple[ScorerUse, ...]:
        return (ScorerUse(self.scorer, "complexity", ("score",)),)
