"""Quality from a judge, or from thumbs, corrected by what people say of a few answers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.storage import FeedbackRecord
from routelab.errors import LogError
from routelab.logs.model import PartialLog
from routelab.stats import CorrectedMean, corrected_mean, independence

_SURE = 1e-4
"""P-value below which labelled answers are taken to differ from the others."""
_OWN = 20
"""Labels of a model from which what the judge gets wrong of it is learned apart."""
_FEWEST = 10.0
"""Effective labels of a policy's answers below which its quality is refused."""


class JudgeCorrection(NamedTuple):
    """A log whose quality is a judge's, corrected by labels.

    Attributes:
        log: the same calls; the quality of each is what its score predicts, and of one with a label
            more or less than can be, so that means are right and single values say nothing.
        weight: (s,) answers that each label stands for; 0 without one.
        found: the mean over all answers, with its interval and what labels alone say.
        judge: mean of the scores as they are.
        notes: what to know of it.
    """

    log: PartialLog
    weight: Floats
    found: CorrectedMean
    judge: float
    notes: tuple[str, ...]


class Doubt(NamedTuple):
    """What few labels add to the error of a mean.

    Attributes:
        error: to be added in squares.
        freedom: degrees of freedom that the whole error has at most.
        labels: of equal weight that would say as much.
    """

    error: float = 0.0
    freedom: float = math.inf
    labels: float = math.inf

    @property
    def refusal(self) -> str:
        """Why a quality would mislead; "" where it does not."""
        if self.labels >= _FEWEST:
            return ""
        return (
            f"People labelled {self.labels:.1f} effective answers that the policy would deliver;"
            f" {_FEWEST:.0f} are the least: label more of them, picked by chance."
        )


def label_doubt(weights: Floats, labels: Floats | None, span: float, requests: int) -> Doubt:
    """How little labels on a policy's answers can tell of what its judge gets wrong.

    Args:
        weights: (s,) of the policy's decisions.
        labels: (s,) answers that each label stands for; None where quality needs no correction.
        span: from the worst quality to the best.
        requests: of the log.
    Source: as `routelab.stats.corrected_mean`, one imagined label for each side and half of each.
    """
    if labels is None:
        return Doubt()
    both = weights * labels
    whole, squares = float(both.sum()), float(np.dot(both, both))
    if not whole:
        return Doubt(labels=0.0)
    effective = whole**2 / squares
    return Doubt(span * squares / whole / requests, max(1.0, effective - 1.0), effective)


def judge_corrected(
    log: PartialLog, labels: Floats, *, chance: Floats | None = None
) -> JudgeCorrection:
    """Correct the quality of a log by labels of people, so that every estimator is right with it.

    The log's quality may be wrong in any way, and missing on some answers: then its being missing
    is what it says. Labels must be of answers that chance picked.

    Args:
        log: whose quality is a judge's, a thumb's or another noisy score.
        labels: (s,) in [0, 1], what a person finds each answer worth; NaN where none looked.
        chance: (s,) probability that each answer was to get a label, where these differ.
    Raises:
        LogError: too few labels, labels out of range or on failed calls, or labels that were not
            picked by chance.
    Source: Angelopoulos, Duchi & Zrnic 2023, "PPI++", arXiv 2311.01453, with the corrected values
        in place of outcomes.
    """
    if np.shape(labels) != log.quality.shape:
        raise LogError(
            f"{log.name}: labels has shape {np.shape(labels)}; it must be {log.quality.shape}, one"
            " for each call"
        )
    there = ~np.isnan(labels)
    good = ~log.error
    if bool((there & ~good).any()):
        call = int(np.flatnonzero(there & ~good)[0])
        raise LogError(
            f"{log.name}: request {log.requests.id[log.request[call]]!r} has a label for a call"
            " that failed; a failure is worth 0 and needs none"
        )
    calls = np.flatnonzero(good)
    score, seen, model = log.quality[calls], labels[calls], log.model[calls]
    if chance is None:
        _check_chance(log, ~np.isnan(seen), score, model)
    try:
        found = corrected_mean(
            np.column_stack([score, *_own(model, ~np.isnan(seen))]),
            seen,
            _groups(log)[calls],
            chance=None if chance is None else chance[calls],
        )
    except ValueError as error:
        raise LogError(f"{log.name}: {error}") from error
    quality, weight = np.where(good, np.nan, 0.0), np.zeros(len(good))
    quality[calls], weight[calls] = found.each, found.weight
    judge = float(np.nanmean(score)) if bool((~np.isnan(score)).any()) else math.nan
    return JudgeCorrection(
        replace(log, quality=quality),
        weight,
        found,
        judge,
        tuple(_notes(found, judge, seen, score)),
    )


def labels_along(log: PartialLog, notes: Iterable[FeedbackRecord]) -> tuple[Floats, int]:
    """(s,) the label of each call, NaN without one, and how many labels are of no call.

    A label that names no model is of the answer delivered: the last one that did not fail. The
    latest label of an answer counts.

    Args:
        log: with the ids of its requests.
        notes: what people said, oldest first.
    """
    row = {str(name): at for at, name in enumerate(log.requests.id)}
    starts = np.flatnonzero(np.diff(log.request, prepend=-1))
    ends = np.append(starts[1:], len(log.request))
    column = {name: at for at, name in enumerate(log.models)}
    found, missed = np.full(len(log.request), np.nan), 0
    for note in notes:
        at = row.get(note.request_id)
        calls = np.zeros(0, np.int64) if at is None else np.arange(starts[at], ends[at])
        calls = calls[~log.error[calls]]
        if note.model is not None:
            calls = calls[log.model[calls] == column.get(note.model, -1)]
        if len(calls):
            found[calls[-1]] = note.quality
        else:
            missed += 1
    return found, missed


def _own(model: Ints, labelled: Bools) -> list[Floats]:
    """A column for each model of many labels, but for the one that has the most."""
    counts = np.bincount(model[labelled], minlength=int(model.max()) + 1)
    often = [at for at in np.argsort(-counts, kind="stable") if counts[at] >= _OWN]
    return [(model == at).astype(np.float64) for at in often[1:]]


def _groups(log: PartialLog) -> Ints:
    """(s,) number of each call's group; a request is one where the log has none."""
    if log.requests.group is None:
        return log.request
    return np.unique(log.requests.group, return_inverse=True)[1][log.request].astype(np.int64)


def _check_chance(log: PartialLog, labelled: Bools, score: Floats, model: Ints) -> None:
    """Refuse labels that go by the model or by the score.

    Raises:
        LogError: chance would hardly pick such answers.
    """
    known = score[~np.isnan(score)]
    middle = float(known.mean()) if len(known) else 0.0
    level = np.where(np.isnan(score), 2, score > middle).astype(np.int64)
    for what, codes, names in (
        ("model", model, log.models),
        ("score", level, ("low", "high", "missing")),
    ):
        table = [np.bincount(codes[it], minlength=len(names)) for it in (labelled, ~labelled)]
        tail = independence(table)
        if tail < _SURE:
            every = table[0] + table[1]
            shown = ", ".join(
                f"{own / whole:.1%} of {name}"
                for name, own, whole in zip(names, table[0], every, strict=True)
                if whole
            )
            raise LogError(
                f"{log.name}: which answers people labelled goes by their {what} ({shown};"
                f" p = {tail:.1g}), so the labelled ones do not stand for the others; label a"
                " random sample, or give the chances by which they were picked"
            )


def _notes(found: CorrectedMean, judge: float, seen: Floats, score: Floats) -> Iterable[str]:
    there = ~np.isnan(seen)
    yield (
        f"quality is a judge's, {judge:.3f} on average, corrected by {found.labels:,} labels to"
        f" {found.value:.3f} ({found.ci.low:.3f} to {found.ci.high:.3f}; labels alone"
        f" {found.alone.value:.3f}, {found.alone.ci.low:.3f} to {found.alone.ci.high:.3f})"
    )
    if found.labels < len(seen) and np.array_equal(seen[there], score[there]):
        yield (
            "the judge agrees with every label: if labels were written into its scores, it only"
            " seems right, and quality with it"
        )
