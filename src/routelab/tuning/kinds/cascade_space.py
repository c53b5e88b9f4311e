"""The randomised search over chains, signal and thresholds of a cascade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from routelab.core import Policy
from routelab.policies import Cascade, Fixed, to_wire
from routelab.replay import ComparisonSet
from routelab.tuning.objectives import Demands, PolicyScore, mean_cost_quality
from routelab.tuning.search import (
    Categorical,
    Direction,
    FinishedTrial,
    FloatRange,
    IntRange,
    TrialOutcome,
)
from routelab.tuning.solvers import ThresholdCandidates

MAX_STEPS = 4
"""Models of a chain, at most: one more than is solved on a grid."""

NONE = "-"
"""Value of a `model.N` that stands for no model."""

ThresholdsByModel = Mapping[tuple[str, str], ThresholdCandidates]
"""By (signal, model)."""


class Trial(NamedTuple):
    """One policy that the randomised search tried.

    Attributes:
        number: of the trial, from 0.
        policy: what its parameters stand for.
        score: mean cost and quality on tune.
        feasible: it meets every bound there.
        params: by name; see `Cascades`.
    """

    number: int
    policy: Policy
    score: PolicyScore
    feasible: bool
    params: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Cascades:
    """Cascades as parameters: `model.1` .. `model.4`, `signal`, and `accept.MODEL`.

    `accept.MODEL` is the share of that model's answers that its threshold accepts on
    tune, so that it means the same for every signal. Every trial has every parameter, used
    or not, so that any two can be crossed.

    Attributes:
        comparison: rows of tune, which every trial is replayed on.
        thresholds: threshold candidates by (signal, model).
        demands: the user's bounds on these rows.
    """

    comparison: ComparisonSet
    thresholds: ThresholdsByModel
    demands: Demands

    def __getstate__(self) -> dict[str, Any]:
        """For other processes: without prompts, unless they decide which models have room."""
        here = self.comparison
        windows = [here.catalogue.model(name).context_window for name in here.models]
        if all(window is None for window in windows):
            here = replace(here, log=replace(here.log, texts=None), reference=None)
        return {**vars(self), "comparison": here}

    @property
    def names(self) -> Mapping[str, Direction]:
        """The objectives, and which way each is better."""
        return {"usd_per_1k": "minimize", "quality": "maximize"}

    @cached_property
    def space(self) -> Mapping[str, Categorical | FloatRange | IntRange]:
        """Every parameter of every trial, by name."""
        models = self.comparison.models
        steps = min(MAX_STEPS, len(models))
        chain = {
            f"model.{i + 1}": Categorical(models + ((NONE,) if i else ())) for i in range(steps)
        }
        signals = tuple(dict.fromkeys(signal for signal, _ in self.thresholds))
        movable = {model for (_, model), candidates in self.thresholds.items() if candidates}
        accept = {f"accept.{name}": FloatRange(0.0, 1.0) for name in models if name in movable}
        return {**chain, "signal": Categorical(signals), **accept}

    def measure(self, params: Mapping[str, Any]) -> TrialOutcome:
        """USD per 1,000 requests and quality on tune, and by how much each bound is broken."""
        policy = self.policy(params)
        replay = self.comparison.replay(policy, means_only=not self.demands.timed)
        found = mean_cost_quality(replay)
        excess = self.demands.excess(found, replay)
        feasible = all(value <= 0 for value in excess.values())
        # optuna-dashboard shows no constraints
        return TrialOutcome(found, excess, {"policy": to_wire(policy), "feasible": feasible})

    def policy(self, params: Mapping[str, Any]) -> Policy:
        """The policy of a trial; repeated models and those without a threshold drop out."""
        named = (params[name] for name in self.space if name.startswith("model."))
        chain = list(dict.fromkeys(name for name in named if name != NONE))
        signal = params["signal"]
        stages = [name for name in chain[:-1] if self.thresholds[signal, name]]
        if not stages:
            return Fixed(chain[-1])
        thresholds = tuple(self.thresholds[signal, it].at(params[f"accept.{it}"]) for it in stages)
        return Cascade((*stages, chain[-1]), thresholds, signal)

    def params(self, policy: Cascade | Fixed) -> dict[str, Any]:
        """Parameters that lead back to this policy; those that do not matter are left open."""
        chain = policy.models_used
        steps = [name for name in self.space if name.startswith("model.")]
        padded = (*chain, *(NONE,) * (len(steps) - len(chain)))
        params: dict[str, Any] = dict(zip(steps, padded, strict=True))
        if isinstance(policy, Cascade):
            params["signal"] = policy.signal
            for name, threshold in zip(chain, policy.thresholds, strict=False):
                params[f"accept.{name}"] = self.thresholds[policy.signal, name].share(threshold)
        return params

    def trials(self, done: Sequence[FinishedTrial]) -> list[Trial]:
        """Finished trials with their policies."""
        return [
            Trial(
                it.number,
                self.policy(it.params),
                PolicyScore(*it.outcome.values),
                it.outcome.feasible,
                it.params,
            )
            for it in done
        ]


__all__ = ["Cascades", "PolicyScore", "ThresholdsByModel", "Trial"]
