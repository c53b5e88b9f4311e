"""Predictions of outcome models for requests that they were not fitted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.estimators.logged_decisions import LoggedDecisions
from routelab.estimators.outcome_models import CallFeatures, MeanByTask, OutcomeModel
from routelab.estimators.path_expectations import Paths, call_features
from routelab.estimators.target_decisions import TargetDecisions


class Expectations(NamedTuple):
    """What a policy's decisions are expected to come to, by models fitted on other requests.

    Attributes:
        start: (n,) before any call.
        after: (s,) after each logged call, its answer seen.
        call: (s,) before that call, if it is made.
    """

    start: Floats
    after: Floats
    call: Floats


@dataclass(frozen=True)
class CrossFit:
    """How outcome models are fitted: on all folds but the one that they predict.

    Attributes:
        model: of one model's calls.
        folds: number of parts; the requests of a group are in one.
        seed: of the cut.
    Source: sample splitting, Chernozhukov et al. 2018, "Double/debiased machine learning"; later
        calls by iterated conditional expectations, Bang & Robins 2005.
    """

    model: OutcomeModel = field(default_factory=MeanByTask)
    folds: int = 5
    seed: int = 0

    def expectations(
        self, log: LoggedDecisions, target: TargetDecisions, name: str
    ) -> Expectations:
        """Of an outcome of the log, for a policy.

        Args:
            log: of another policy's decisions.
            target: decisions of the policy.
            name: of the outcome.
        """
        ends = target.of(log.outcome(name), name)
        if not (log.one_call and target.one_call):
            return _along_paths(self, Paths(log, target, log.outcome(name), ends))
        if isinstance(self.model, MeanByTask):
            return _means(self, self.model, log, target, ends)
        return _of_one_call(self, log, target, ends)

    def fold(self, log: LoggedDecisions) -> Ints:
        """(n,) the fold of each request.

        Args:
            log: whose requests are cut.
        """
        rng = np.random.default_rng(self.seed)
        codes = log.group_codes
        if codes is None:
            return np.asarray(rng.integers(self.folds, size=len(log), dtype=np.int8))  # eight do
        of_group = rng.permutation(int(codes.max()) + 1) % self.folds
        return np.asarray(of_group[codes])


def _means(
    how: CrossFit, model: MeanByTask, log: LoggedDecisions, target: TargetDecisions, ends: Floats
) -> Expectations:
    """Sums of all folds less those of one, without a loop over requests."""
    m = len(log.models)
    tasks = 1 if log.task is None else int(log.task.max()) + 1
    fold = how.fold(log)
    cell = fold.astype(np.int32) * m + log.model
    if log.task is not None:
        cell = cell * tasks + log.task
    known = ~np.isnan(ends)
    everything = bool(known.all())
    size, shape = how.folds * m * tasks, (how.folds, m, tasks)
    used, values = (cell, ends) if everything else (cell[known], ends[known])
    counts = np.bincount(used, minlength=size).reshape(shape).astype(np.float64)
    sums = np.bincount(used, values, minlength=size).reshape(shape)
    counts, sums = counts.sum(axis=0) - counts, sums.sum(axis=0) - sums
    whole = sums.sum(axis=(1, 2)) / np.maximum(counts.sum(axis=(1, 2)), 1.0)
    of_model = model.means(sums.sum(axis=2), counts.sum(axis=2), whole[:, None])
    table = model.means(sums, counts, of_model[:, :, None]).reshape(-1)
    call = table[cell]
    task = 0 if log.task is None else log.task
    if target.certain:
        at = (fold.astype(np.int32) * m + target.first.astype(np.int32)) * tasks + task
        return Expectations(table[at], ends, call)
    start = np.zeros(len(log))
    for column in range(m):
        start += (
            target.first[:, column] * table[(fold.astype(np.int32) * m + column) * tasks + task]
        )
    return Expectations(start, ends, call)


def _of_one_call(
    how: CrossFit, log: LoggedDecisions, target: TargetDecisions, ends: Floats
) -> Expectations:
    """One fit for each fold and model."""
    known, fold = call_features(log), how.fold(log)
    start, call = np.zeros(len(log)), np.zeros(len(log))
    judged = ~np.isnan(ends)
    for number in range(how.folds):
        inside, outside = fold == number, (fold != number) & judged
        fallback = _mean(ends[outside])
        for column in range(len(log.models)):
            made = log.model == column
            chance = target.first == column if target.certain else target.first[:, column]
            asked = np.flatnonzero(inside & (made | (chance > 0)))
            if not len(asked):
                continue
            fit = np.flatnonzero(outside & made)
            guess = _predictions(how.model, known, fit, ends, asked, fallback)
            start[asked] += np.where(chance[asked] > 0, chance[asked] * guess, 0.0)
            call[asked] = np.where(made[asked], guess, call[asked])
    return Expectations(start, ends, call)


def _predictions(
    model: OutcomeModel,
    known: CallFeatures,
    fit: Ints,
    values: Floats,
    asked: Ints,
    fallback: float,
) -> Floats:
    if not len(fit):
        return np.full(len(asked), fallback)
    return model.fit(known.take(fit), values[fit])(known.take(asked))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def _along_paths(how: CrossFit, paths: Paths) -> Expectations:
    """Fits on the calls of all folds but one, used on that one."""
    log = paths.log
    fold = how.fold(log)
    start = np.zeros(len(log))
    after, call = np.zeros(len(log.request)), np.zeros(len(log.request))
    for number in range(how.folds):
        rows, steps = fold == number, fold[log.request] == number
        found = paths.expectations(how.model, ~steps)
        start[rows] = found[0][rows]
        after[steps], call[steps] = found[1][steps], found[2][steps]
    return Expectations(start, after, call)
