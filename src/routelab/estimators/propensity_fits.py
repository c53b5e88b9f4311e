"""Propensities that nobody logged, estimated from who was asked what; audited before use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.errors import LogError
from routelab.estimators.cross_fitting import CrossFit
from routelab.estimators.logged_decisions import LoggedDecisions
from routelab.estimators.outcome_models import CallFeatures
from routelab.estimators.path_expectations import call_features
from routelab.stats import chi_square_tail, holm

Chances: TypeAlias = "Callable[[CallFeatures], Floats]"
"""(k, o) probabilities of the options on requests of some features; rows sum to 1."""

_BINS = 10
_SURE = 1e-4
"""P-value of calibration below which estimated propensities are not used."""
_LEAST = 1e-6
"""Smallest probability that a fit may give: what was done was possible."""
_ROUNDS = 60


class PropensityModel(Protocol):
    """Learns which option was taken; a classifier fits behind these two lines."""

    def fit(self, known: CallFeatures, taken: Ints, options: int) -> Chances:
        """What predicts the probabilities of options.

        Args:
            known: before each decision (k), k >= 1.
            taken: (k,) number of the option.
            options: how many there are.
        """
        ...


@dataclass(frozen=True)
class SoftmaxFit:
    """Multinomial logistic regression on the numbers and on an indicator of each task.

    Attributes:
        penalty: decisions that pull each coefficient of a standardised column to 0.
        tasks: most tasks that get an indicator; rarer ones share none.
        squares: squares of the numbers are columns too, so that liking may rise and fall again.
    Source: Bohning 1992, "Multinomial logistic regression algorithm" (the bound that every step
        goes by).
    """

    penalty: float = 1.0
    tasks: int = 64
    squares: bool = True

    def fit(self, known: CallFeatures, taken: Ints, options: int) -> Chances:
        common = np.argsort(-np.bincount(known.task), kind="stable")[: self.tasks]
        raw = self._raw(known, common)
        centre, spread = raw.mean(axis=0), raw.std(axis=0)
        scale = np.where(spread > 1e-12 * (1.0 + np.abs(centre)), spread, np.inf)
        x = (raw - centre) / scale
        made = np.zeros((len(taken), options))
        made[np.arange(len(taken)), taken] = 1.0
        shares = (made.sum(axis=0) + 0.5) / (len(taken) + 0.5 * options)
        base, slopes = np.log(shares), np.zeros((x.shape[1], options))
        bound = 0.5 * (x.T @ x)
        bound[np.diag_indices_from(bound)] += self.penalty
        inverse = np.linalg.inv(bound) if len(bound) else bound
        for _ in range(_ROUNDS):
            left = made - _softmax(base + x @ slopes)
            slopes = slopes + inverse @ (x.T @ left - self.penalty * slopes)
            base = base + 2.0 * left.mean(axis=0)

        def chances(asked: CallFeatures) -> Floats:
            return _softmax(base + ((self._raw(asked, common) - centre) / scale) @ slopes)

        return chances

    def _raw(self, known: CallFeatures, common: Ints) -> Floats:
        flags = (known.task[:, None] == common[None, :]).astype(np.float64)
        numbers = known.numbers
        return np.hstack([numbers, numbers**2 if self.squares else numbers[:, :0], flags])


class OptionFit(NamedTuple):
    """Whether the estimated probabilities of a model came true.

    Attributes:
        model: asked first.
        share: of requests that asked it.
        expected: the same, by the estimates.
        p_value: of calibration in ten bins, for all models together; small where they are wrong.
    """

    model: str
    share: float
    expected: float
    p_value: float


class PropensityAudit(NamedTuple):
    """What speaks for and against estimated propensities.

    Attributes:
        models: calibration, model by model, on requests that a fit did not see.
        explained: share of the uncertainty about who is asked that features take away: 1 where the
            logging policy left nothing to chance, so that no other decision can be valued.
        smallest: of the calls that were made.
        refusal: why they are not to be used; "" where nothing speaks against it.
    """

    models: tuple[OptionFit, ...]
    explained: float
    smallest: float
    refusal: str


@dataclass(frozen=True)
class PropensityFit:
    """How propensities are estimated: on all folds but the one that they are for.

    Attributes:
        model: of which option is taken.
        folds: number of parts; the requests of a group are in one.
        seed: of the cut.
    Source: Rosenbaum & Rubin 1983 (propensities); Chernozhukov et al. 2018 (cross-fitting).
    """

    model: PropensityModel = field(default_factory=SoftmaxFit)
    folds: int = 5
    seed: int = 0

    def estimated(self, log: LoggedDecisions) -> tuple[LoggedDecisions, PropensityAudit]:
        """The log with estimated propensities in place of its own, and their audit.

        They are right only if what the logging policy decided by is among the features: nothing
        in a log can show that it is.

        Args:
            log: with features, tasks and what was seen of answers; its propensities are not read.
        """
        fold = CrossFit(folds=self.folds, seed=self.seed).fold(log)
        first = log.model[log.starts]
        known = call_features(log)
        m = len(log.models)
        opening = self._across(known, first, m, fold)
        chance = np.empty(len(log.request))
        chance[log.starts] = opening[np.arange(len(log)), first]
        ended = np.ones(len(log))
        if not log.one_call:
            later = np.flatnonzero(log.place > 0)
            following = np.full(len(log.request), m, dtype=np.int64)
            following[later - 1] = log.model[later]
            after = self._across(_after_calls(log, known), following, m + 1, fold[log.request])
            chance[later] = after[later - 1, log.model[later]]
            ended = after[log.ends, m]
        made = replace(log, propensity=chance, ended=ended, policy=None, source="estimated")
        return made, _audit(log.models, first, opening, float(chance.min()))

    def _across(self, known: CallFeatures, taken: Ints, options: int, fold: Ints) -> Floats:
        """(k, o) probabilities from fits that did not see the decision."""
        found = np.empty((len(taken), options))
        for number in range(self.folds):
            inside = np.flatnonzero(fold == number)
            outside = np.flatnonzero(fold != number)
            if not len(inside):
                continue
            if not len(outside):
                raise LogError("propensities are estimated from two groups of requests at least")
            chances = self.model.fit(known.take(outside), taken[outside], options)
            found[inside] = chances(known.take(inside))
        found = np.clip(found, _LEAST, 1.0)
        return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1.0))


def _after_calls(log: LoggedDecisions, first: CallFeatures) -> CallFeatures:
    """(s,) what is known after each call: request, answer, who gave it and in which turn."""
    own = (log.model[:, None] == np.arange(len(log.models))[None, :]).astype(np.float64)
    parts = [first.numbers[log.request], own, log.place[:, None].astype(np.float64)]
    if log.seen is not None:
        parts.append(log.seen)
    return CallFeatures(first.task[log.request], np.hstack(parts))


def _audit(
    models: tuple[str, ...], taken: Ints, chances: Floats, smallest: float
) -> PropensityAudit:
    """By bins of equal numbers of requests, as Hosmer & Lemeshow 1980 do."""
    rows = [(at, *_calibration(taken == at, chances[:, at])) for at in range(len(models))]
    asked = [row for row in rows if row[1] > 0]
    tails = holm([row[3] for row in asked])
    fits = tuple(
        OptionFit(models[at], share, expected, float(p))
        for (at, share, expected, _), p in zip(asked, tails, strict=True)
    )
    told = -float(np.log(chances[np.arange(len(taken)), taken]).mean())
    shares = np.bincount(taken, minlength=len(models)) / len(taken)
    blind = -float(sum(it * math.log(it) for it in shares if it > 0))
    wrong = [it for it in fits if it.p_value < _SURE]
    refusal = ""
    if wrong:
        shown = ", ".join(f"{it.model} (p = {it.p_value:.1g})" for it in wrong)
        refusal = (
            f"estimated propensities do not come true: {shown}; the logging policy goes by"
            " something that the features do not say: give more of them, or the policy itself as"
            " `logged_by`"
        )
    return PropensityAudit(fits, 1.0 - told / blind if blind else 0.0, smallest, refusal)


def _calibration(made: Bools, chance: Floats) -> tuple[float, float, float]:
    """Share, expected share, and p-value of both being the same in every bin."""
    order = np.argsort(chance, kind="stable")
    statistic, used = 0.0, 0
    for part in np.array_split(order, _BINS):
        variance = float((chance[part] * (1 - chance[part])).sum())
        if variance >= 1.0:  # fewer calls tell nothing, and are no normal
            statistic += float(made[part].sum() - chance[part].sum()) ** 2 / variance
            used += 1
    tail = chi_square_tail(statistic, used) if used else 1.0
    return float(made.mean()), float(chance.mean()), tail


def _softmax(values: Floats) -> Floats:
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True))
