"""What speaks for and against an estimate: weights, support, propensities, outcome model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from routelab.core import Floats
from routelab.estimators.cross_fitting import Expectations
from routelab.estimators.estimate import Calibration, Diagnostics, ModelWeight
from routelab.estimators.logged_decisions import LoggedDecisions
from routelab.estimators.path_weights import PathWeights, by_request
from routelab.estimators.score_intervals import score_mean
from routelab.estimators.target_decisions import TargetDecisions
from routelab.stats import holm

_FLAT = 0.01
"""Variance of predictions, over that of outcomes, below which they are all one: what is left of it
is that folds have other means."""


def diagnostics(
    log: LoggedDecisions,
    target: TargetDecisions,
    weights: PathWeights,
    expected: Expectations | None,
    ends: Floats,
) -> Diagnostics:
    """Everything that an estimate rests on.

    Args:
        log: with its propensities.
        target: decisions of the policy.
        weights: of the policy along the log.
        expected: by the outcome model; None without one.
        ends: (s,) what the outcome comes to where the policy ends after each call.
    """
    total = weights.total
    whole, most = float(total.sum()), float(total.max())
    squares = float(np.dot(total, total))
    mean = score_mean(total, log.group_codes)
    return Diagnostics(
        effective_requests=whole**2 / squares if squares else 0.0,
        matched=int(np.count_nonzero(total)),
        largest_weight=most,
        largest_share=most / whole if whole else 0.0,
        supported=1.0 - unsupported(log, target, weights),
        mean_weight=mean.value,
        mean_weight_ci=mean.ends,
        models=model_weights(log, target, weights),
        calibration=None if expected is None else _calibration(log, weights, expected, ends),
    )


def unsupported(log: LoggedDecisions, target: TargetDecisions, weights: PathWeights) -> float:
    """Share of a policy's decisions that the log could not have taken, in [0, 1].

    Without the logging policy this counts what is certain from propensities: where a call was
    sure to be made no other could be, and where an end was sure no call could follow. With it,
    every call of probability zero counts.
    """
    if log.policy is not None:
        lost = _impossible(target, log.policy.first)
        if target.after is not None:
            later = np.where(log.policy.after > 0, 0.0, target.after).sum(axis=1)
            lost = lost + by_request(log, weights.calls * later)
        return float(np.clip(lost.mean(), 0.0, 1.0))
    sure = log.propensity[log.starts] >= 1.0
    total = np.ones(len(log)) if target.certain else target.first.sum(axis=1)
    lost = np.where(sure, total - target.first_of(log), 0.0)
    if target.after is not None:
        going_on = target.after.sum(axis=1)
        lost_later = np.zeros(len(log.request))
        inner = np.flatnonzero(log.place > 0)
        sure = log.propensity[inner] >= 1.0
        other = going_on[inner - 1] - target.after[inner - 1, log.model[inner]]
        lost_later[inner - 1] = np.where(sure, other, 0.0)
        if log.ended is not None:
            last = log.ends
            lost_later[last] = np.where(log.ended >= 1.0, going_on[last], 0.0)
        lost = lost + by_request(log, weights.calls * lost_later)
    return float(np.clip(lost.mean(), 0.0, 1.0))


def _impossible(target: TargetDecisions, possible: Floats) -> Floats:
    """(n,) probability of first calls that the logging policy never makes."""
    if target.certain:
        rows = np.arange(len(possible))
        lacking: Floats = (possible[rows, target.first] <= 0).astype(np.float64)
        return lacking
    return np.asarray(np.where(possible > 0, 0.0, target.first).sum(axis=1))


def model_weights(
    log: LoggedDecisions, target: TargetDecisions, weights: PathWeights
) -> tuple[ModelWeight, ...]:
    """By model that the policy asks: its share, that share by weights, and whether they fit.

    At every call the weight of what was logged is that of what the policy would do, on average.
    So their difference is zero but for chance; it is not where propensities are wrong, or where
    a part of the policy's calls has no support. P-values are Holm's, for all models together.
    """
    found, tails = [], []
    for column, model in enumerate(log.models):
        due = _due(log, target, weights, column)
        if not due.any():
            continue
        made = by_request(log, np.where(log.model == column, weights.calls, 0.0))
        difference = score_mean(made - due, log.group_codes)
        found.append((model, float(due.mean()), float(made.mean())))
        tails.append(difference.p_value)
    shares = sum(share for _, share, _ in found) or 1.0
    return tuple(
        ModelWeight(model, share / shares, made / shares, float(p))
        for (model, share, made), p in zip(found, holm(tails) if tails else [], strict=True)
    )


def _due(
    log: LoggedDecisions, target: TargetDecisions, weights: PathWeights, column: int
) -> Floats:
    """(n,) calls of a model that the policy would make, by the weight of what led to them."""
    first: npt.NDArray[Any] = (
        (target.first == column).astype(np.float64) if target.certain else target.first[:, column]
    )
    if target.after is None:
        return np.asarray(first)
    return np.asarray(first + by_request(log, weights.calls * target.after[:, column]))


def _calibration(
    log: LoggedDecisions, weights: PathWeights, expected: Expectations, ends: Floats
) -> Calibration:
    """By the outcomes of decisions that the policy would have taken, as their weights say."""
    here = weights.ends > 0
    if not here.any():
        return Calibration(math.nan, (math.nan, math.nan), math.nan, math.nan)
    w, y, guess = weights.ends[here], ends[here], expected.call[here]
    mean = score_mean(
        by_request(log, np.where(here, weights.ends * (ends - expected.call), 0.0)),
        log.group_codes,
    )
    total = float(w.sum())
    centre, middle = float(np.dot(w, y)) / total, float(np.dot(w, guess)) / total
    spread = float(np.dot(w, (guess - middle) ** 2))
    together = float(np.dot(w, (guess - middle) * (y - centre)))
    variance = float(np.dot(w, (y - centre) ** 2))
    left = float(np.dot(w, (y - guess) ** 2))
    return Calibration(
        error=mean.value,
        error_ci=mean.ends,
        slope=together / spread if spread > _FLAT * variance else math.nan,
        explained=1.0 - left / variance if variance else math.nan,
    )
