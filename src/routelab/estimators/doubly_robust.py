"""Outcome models, corrected by weighed residuals: right if either of the two is."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.estimators.cross_fitting import CrossFit
from routelab.estimators.estimator import Estimator, Scores, one_call_only
from routelab.estimators.logged_decisions import LoggedDecisions
from routelab.estimators.path_weights import PathWeights, by_request
from routelab.estimators.score_intervals import score_mean
from routelab.estimators.target_decisions import TargetDecisions

_TRIED = 30
"""Settings that are tried where weights are shrunk or left out."""


@dataclass(frozen=True)
class DirectMethod(Estimator):
    """What the outcome model expects, uncorrected: as wrong as that model, by nobody knows what.

    So it never has an interval.

    Attributes:
        fit: of the outcome model.
    """

    name: ClassVar[str] = "dm"
    has_interval: ClassVar[bool] = False
    fit: CrossFit = field(default_factory=CrossFit)

    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        expected = self.fit.expectations(log, target, outcome)
        note = "no interval: the outcome model's own error is not in the log"
        return Scores(expected.start, expected, notes=(note,))


@dataclass(frozen=True)
class PrefixDR(Estimator):
    """Doubly robust along the calls of a cascade, weighed by prefixes.

    Before any call the outcome model says what the decision will come to; after every call that
    the policy makes too, what is now known of it corrects that, by the weight of the calls so
    far. For a policy of one call it is `DR`.

    Attributes:
        fit: of the outcome model.
    Source: Jiang & Li 2016, "Doubly robust off-policy value evaluation for reinforcement
        learning"; Bang & Robins 2005 (monotone missing data).
    """

    name: ClassVar[str] = "prefix-dr"
    fit: CrossFit = field(default_factory=CrossFit)

    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        expected = self.fit.expectations(log, target, outcome)
        learned = np.where(weights.calls > 0, expected.after - expected.call, 0.0)
        return Scores(expected.start + by_request(log, weights.calls * learned), expected)


class _Residuals(NamedTuple):
    """What estimators of one call are made of, by request (n).

    Attributes:
        start: outcome that the model expects of the policy.
        weight: of the logged call.
        rest: outcome less what the model expected of the logged call; 0 without weight.
    """

    start: Floats
    weight: Floats
    rest: Floats


@dataclass(frozen=True)
class _OneCall(Estimator):
    """Doubly robust estimators of policies that make one call; `fit` is of the outcome model."""

    fit: CrossFit = field(default_factory=CrossFit)

    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        one_call_only(log, target, self.name, "prefix-dr")
        expected = self.fit.expectations(log, target, outcome)
        rest = expected.after - expected.call
        if weights.total.min() <= 0.0:
            rest = np.where(weights.total > 0, rest, 0.0)
        found = self._corrected(_Residuals(expected.start, weights.total, rest), log)
        return found._replace(expected=expected)

    @abstractmethod
    def _corrected(self, parts: _Residuals, log: LoggedDecisions) -> Scores:
        """The scores of requests, given what they are made of."""


@dataclass(frozen=True)
class DR(_OneCall):
    """Doubly robust: the outcome model, plus its residuals by their weights.

    Source: Dudik, Langford & Li 2011, "Doubly robust policy evaluation and learning".
    """

    name: ClassVar[str] = "dr"

    def _corrected(self, parts: _Residuals, log: LoggedDecisions) -> Scores:
        return Scores(parts.start + parts.weight * parts.rest)


@dataclass(frozen=True)
class SNDR(_OneCall):
    """`DR` whose correction is over the mean weight: the default for policies of one call.

    Source: Thomas & Brunskill 2016, "Data-efficient off-policy policy evaluation" (weighted
        doubly robust).
    """

    name: ClassVar[str] = "sndr"

    def _corrected(self, parts: _Residuals, log: LoggedDecisions) -> Scores:
        whole = float(parts.weight.sum())
        if not whole:
            return Scores(parts.start)
        correction = float(np.dot(parts.weight, parts.rest)) / whole
        each = parts.rest - correction
        each *= parts.weight
        each *= len(each) / whole
        each += parts.start
        each += correction
        return Scores(each)


@dataclass(frozen=True)
class SwitchDR(_OneCall):
    """`DR` that leaves out the correction of requests with a large weight.

    What is left out biases it, towards the outcome model. Its interval is that of `DR`, stretched
    to hold its value: how much smaller its error is no log can promise.

    Attributes:
        most: largest weight that corrects; None chooses it, by the least estimated error.
    Source: Wang, Agarwal & Dudik 2017, "Optimal and adaptive off-policy evaluation in contextual
        bandits".
    """

    name: ClassVar[str] = "switch-dr"
    most: float | None = None

    def _corrected(self, parts: _Residuals, log: LoggedDecisions) -> Scores:
        tried = [self.most] if self.most is not None else _settings(parts.weight)
        kept = [np.where(parts.weight <= it, parts.weight, 0.0) for it in tried]
        best, scores, bias = _least_error(parts, kept, log)
        cut = 1.0 - float(kept[best].sum() / max(parts.weight.sum(), 1e-300))
        note = (
            f"{cut:.1%} of the weight, that of requests above {tried[best]:.4g}, corrects nothing;"
            f" that may bias it by {bias:.2g}, so the interval is that of dr"
        )
        return scores._replace(notes=(note,) if cut > 1e-12 else ())


@dataclass(frozen=True)
class ShrunkDR(_OneCall):
    """`DR` with optimistic shrinkage: large weights correct less.

    A weight w becomes w * strength / (w^2 + strength). What that takes biases it, towards the
    outcome model. Its interval is that of `DR`, stretched to hold its value: how much smaller its
    error is no log can promise.

    Attributes:
        strength: 0 or more; infinite for none. None chooses it, by the least estimated error.
    Source: Su et al. 2020, "Doubly robust off-policy evaluation with shrinkage".
    """

    name: ClassVar[str] = "shrunk-dr"
    strength: float | None = None

    def _corrected(self, parts: _Residuals, log: LoggedDecisions) -> Scores:
        settings = [it**2 for it in _settings(parts.weight)]
        tried = [self.strength] if self.strength is not None else [*settings, math.inf]
        kept = [shrunk(parts.weight, it) for it in tried]
        best, scores, bias = _least_error(parts, kept, log)
        cut = 1.0 - float(kept[best].sum() / max(parts.weight.sum(), 1e-300))
        note = (
            f"weights are shrunk by {cut:.1%} of their sum (strength {tried[best]:.4g}); that may"
            f" bias it by {bias:.2g}, so the interval is that of dr"
        )
        return scores._replace(notes=(note,) if cut > 1e-12 else ())


def shrunk(weight: Floats, strength: float) -> Floats:
    """Weights by optimistic shrinkage: w * strength / (w^2 + strength).

    Args:
        weight: (n,) 0 or more.
        strength: 0 or more; infinite leaves weights as they are.
    """
    if math.isinf(strength):
        return weight
    return weight * strength / np.maximum(weight**2 + strength, 1e-300)


def _settings(weight: Floats) -> list[float]:
    """Weights to cut or to shrink at: quantiles of those there are, and the largest."""
    there = weight[weight > 0]
    if not len(there):
        return [1.0]
    found = np.unique(np.quantile(there, np.linspace(0.05, 1.0, _TRIED)))
    return [float(it) for it in found]


def _least_error(
    parts: _Residuals, kept: list[Floats], log: LoggedDecisions
) -> tuple[int, Scores, float]:
    """Which weights have the least estimated mean squared error, the scores, and their bias.

    The bias of a setting is what its lost weights would have corrected: a mean that the log
    estimates, with an error of its own, which is added so that no setting wins by chance. One wins
    by chance all the same now and then, just where its error seems smaller than it is.
    """
    whole = parts.start + parts.weight * parts.rest
    found = []
    for weights in kept:
        each = parts.start + weights * parts.rest
        error = score_mean(each, log.group_codes).error
        lost = score_mean((parts.weight - weights) * parts.rest, log.group_codes)
        off = abs(lost.value) + (0.0 if math.isnan(lost.error) else lost.error)
        bias = off if (weights is not parts.weight and lost.value) else 0.0
        found.append((error**2 + bias**2, Scores(each, sure=whole if bias else None), bias))
    best = min(range(len(found)), key=lambda at: found[at][0])
    return best, *found[best][1:]
