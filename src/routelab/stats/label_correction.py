"""Judges corrected by people: means of labels that few rows have, with a noisy score on all.

A judge, a thumb or the share of an answer that its reader kept is cheap, known of many rows, and
wrong in ways that nobody knows. A person's label is right and dear. With labels on a few rows that
chance picked, the mean of labels over all rows is estimated by

    power x mean of the score over all rows  +  mean of (label - power x score) over labelled rows

which is unbiased whatever the score is like. The power that makes it most certain is the slope of
labels on scores, in closed form; a useless score gets power 0 and labels stand alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats, Ints
from routelab.stats.arrays import align
from routelab.stats.bootstrap import Interval
from routelab.stats.student import student_quantile

FEWEST_LABELS = 10
"""Labels, and groups with labels, below which no mean is corrected."""

_IMAGINED = 0.5
"""Labels that are added both ways to the variance: the judge at its worst where a person finds the
best, and at its best where a person finds the worst. Without them a judge that happened to err on
no label seems to be never wrong, and with few labels that happens often."""


class CorrectedMean(NamedTuple):
    """A mean of labels, from scores on all rows and labels on some.

    Attributes:
        value: in units of the labels.
        ci: 95 % interval, asymptotic, robust to groups.
        error: the standard error in it.
        freedom: degrees of freedom of that error.
        power: (k,) of each score; the last ones are of "was missing", for scores that were.
        each: (n,) corrected values, whose mean is `value`; a row without a label has what its score
            predicts, one with a label more or less than can be.
        weight: (n,) rows that each label stands for; 0 without one. They sum to n.
        labels, rows, groups: that it rests on; groups are those that have a label.
        alone: what labels alone say, by the same method.
    """

    value: float
    ci: Interval
    error: float
    freedom: float
    power: tuple[float, ...]
    each: Floats
    weight: Floats
    labels: int
    rows: int
    groups: int
    alone: LabelsAlone

    @property
    def narrower(self) -> float:
        """Share by which the interval is narrower than that of labels alone; below 0 if wider."""
        return 1.0 - (self.ci.high - self.ci.low) / (self.alone.ci.high - self.alone.ci.low)

    @property
    def worth(self) -> float:
        """Labels that would be needed for such an interval without a score."""
        return self.labels / (1.0 - self.narrower) ** 2


class LabelsAlone(NamedTuple):
    """What labels say without any score.

    Attributes:
        value: their mean; ci: 95 % interval of it.
    """

    value: float
    ci: Interval


def corrected_mean(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.NDArray[Any] | None = None,
    *,
    chance: npt.ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> CorrectedMean:
    """The mean that labels would have if every row had one.

    >>> import numpy as np
    >>> from routelab.stats import corrected_mean
    >>> rng = np.random.default_rng(1)
    >>> truth = (rng.random(4000) < 0.7).astype(float)
    >>> judge = np.where(rng.random(4000) < 0.15, 1.0, truth)  # lenient: it passes too much
    >>> labels = np.where(np.arange(4000) < 200, truth, np.nan)  # a person looked at 200
    >>> found = corrected_mean(judge, labels)
    >>> f"judge {judge.mean():.3f}, corrected {found.value:.3f}"
    'judge 0.747, corrected 0.711'
    >>> f"{found.ci.low:.3f} to {found.ci.high:.3f}, labels alone {found.alone.value:.3f}"
    '0.681 to 0.741, labels alone 0.695'

    Args:
        scores: (n,) or (n, k) what judges said of each row, on any scale of their own; NaN where
            they said nothing, which counts as a saying of its own.
        labels: (n,) in [low, high]; NaN where no person looked. Chance alone picked which.
        groups: (n,) label of the session or user; rows of one are not independent.
        chance: (n,) probability that each row was to get a label, in (0, 1], where these differ;
            None for an even sample.
        low, high: what no label can leave.
    Raises:
        ValueError: shapes that do not fit, a label or chance out of range, or under 10 labels.
    Source: Angelopoulos et al. 2023, "Prediction-powered inference", arXiv 2301.09633;
        Angelopoulos, Duchi & Zrnic 2023, "PPI++", arXiv 2311.01453 (the power); Zrnic & Candes
        2024, "Active statistical inference" (chances that differ); Liang & Zeger 1986 (groups);
        Agresti & Min 2005 (imagined labels, of differences of paired proportions).
    """
    given = _given(scores, labels, groups, chance, low, high)
    return _corrected(given, (low, high), 1.0)


def corrected_difference(
    scores: tuple[npt.ArrayLike, npt.ArrayLike],
    labels: tuple[npt.ArrayLike, npt.ArrayLike],
    groups: npt.NDArray[Any] | None = None,
    *,
    chance: npt.ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> CorrectedMean:
    """How much more the first of two answers to each request is worth than the second, paired.

    Args:
        scores: (n,) or (n, k) each, of the first answers and of the second.
        labels: (n,) each, in [low, high]; requests count of which both answers have one.
        groups, chance, low, high: as in `corrected_mean`; chances that both have a label.
    Raises:
        ValueError: as `corrected_mean`, by differences.
    Source: as `corrected_mean`.
    """
    first, second = (np.asarray(it, dtype=np.float64) for it in scores)
    one, other = (np.asarray(it, dtype=np.float64) for it in labels)
    if first.shape != second.shape or one.shape != other.shape:
        raise ValueError(
            f"both answers need arrays of one shape: scores have {first.shape} and {second.shape},"
            f" labels {one.shape} and {other.shape}"
        )
    _within("labels of the first", one, low, high)
    _within("labels of the second", other, low, high)
    span = high - low
    given = _given(first - second, one - other, groups, chance, -span, span)
    return _corrected(given, (-span, span), 0.5)


class _Given(NamedTuple):
    """What a mean is made of.

    Attributes:
        scores: (n, k) finite.
        labels: (n,) 0 where there is none.
        there: (n,) whether there is one.
        weight: (n,) rows that each label stands for.
        codes: (n,) number of each row's group.
    """

    scores: Floats
    labels: Floats
    there: Bools
    weight: Floats
    codes: Ints


def _given(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.NDArray[Any] | None,
    chance: npt.ArrayLike | None,
    low: float,
    high: float,
) -> _Given:
    said = np.asarray(scores, dtype=np.float64)
    said = said[:, None] if said.ndim == 1 else said
    seen = np.asarray(labels, dtype=np.float64)
    if said.ndim != 2 or seen.ndim != 1:
        shapes = f"{said.shape}, {seen.shape}"
        raise ValueError(f"scores are (n,) or (n, k) and labels (n,); got {shapes}")
    odds = np.ones(len(seen)) if chance is None else np.asarray(chance, dtype=np.float64)
    codes = np.arange(len(seen)) if groups is None else np.unique(groups, return_inverse=True)[1]
    align(scores=said, labels=seen, chance=odds, groups=np.asarray(codes, dtype=np.float64))
    _within("labels", seen, low, high)
    if bool(np.isinf(said).any()):
        raise ValueError("scores are finite, or NaN where a judge said nothing; some are infinite")
    there = ~np.isnan(seen)
    if not bool(((odds[there] > 0) & (odds[there] <= 1)).all()):
        raise ValueError("chance is the probability that a row was to get a label, in (0, 1]")
    few = min(int(there.sum()), len(np.unique(codes[there])))
    if few < FEWEST_LABELS:
        raise ValueError(
            f"{int(there.sum())} labels in {few} groups; a mean is corrected by {FEWEST_LABELS} at"
            " least, in as many groups: label more rows, picked by chance"
        )
    weight = np.where(there, 1.0 / odds, 0.0)
    weight *= len(seen) / weight.sum()
    return _Given(_filled(said), np.where(there, seen, 0.0), there, weight, codes)


def _within(name: str, values: Floats, low: float, high: float) -> None:
    outside = np.flatnonzero((values < low) | (values > high))
    if len(outside):
        row = int(outside[0])
        raise ValueError(f"{name}[{row}] is {values[row]:g}; a label lies in [{low:g}, {high:g}]")


def _filled(scores: Floats) -> Floats:
    """Missing scores as the mean of their column, and a column of its own that says so."""
    missing = np.isnan(scores)
    gone = missing.any(axis=0)
    if not gone.any():
        return scores
    known = np.maximum((~missing).sum(axis=0), 1)
    means = np.where(missing, 0.0, scores).sum(axis=0) / known
    flags = missing[:, gone].astype(np.float64)
    return np.hstack([np.where(missing, means, scores), flags])


def _corrected(given: _Given, ends: Interval | tuple[float, float], share: float) -> CorrectedMean:
    found = _estimate(given, ends, share)
    bare = _estimate(given._replace(scores=given.scores[:, :0]), ends, share)
    there = given.there
    return CorrectedMean(
        value=found.value,
        ci=found.ci,
        error=found.error,
        freedom=found.freedom,
        power=tuple(float(it) for it in found.power),
        each=found.each,
        weight=given.weight,
        labels=int(there.sum()),
        rows=len(there),
        groups=len(np.unique(given.codes[there])),
        alone=LabelsAlone(bare.value, bare.ci),
    )


class _Estimate(NamedTuple):
    value: float
    ci: Interval
    error: float
    freedom: float
    power: Floats
    each: Floats


def _estimate(given: _Given, ends: tuple[float, float], share: float) -> _Estimate:
    """The estimate and its error, by the sums of each group.

    A row's part in the error is how far its score lies from the mean score, times the power, plus
    the weight of its label times what is left of it. Rows of a group are added before squaring.
    """
    n, there = len(given.there), given.there
    weight = given.weight[there]
    x, y = given.scores[there], given.labels[there]
    effective = _effective(np.asarray(np.bincount(given.codes[there], weight), dtype=np.float64))
    typical = n / effective
    agrees = np.where((x - weight @ x / n).T @ (weight * (y - weight @ y / n)) < 0, -1.0, 1.0)
    imagined_x, imagined_y = _imagined(given.scores, agrees, ends, share)
    power = _slopes(
        np.vstack([x, imagined_x]),
        np.concatenate([y, imagined_y]),
        np.concatenate([weight, np.full(2, _IMAGINED * typical)]),
    )
    rest = y - x @ power
    imagined = imagined_y - imagined_x @ power
    off = float(np.dot(weight, rest)) / n
    predicted = given.scores @ power
    middle = float(predicted.mean())
    whole = n + 2 * _IMAGINED * typical
    centre = (n * off + _IMAGINED * typical * float(imagined.sum())) / whole
    labelled = np.zeros(n)
    labelled[there] = weight * (rest - centre)
    by_label = np.bincount(given.codes, labelled)
    by_all = np.bincount(given.codes, labelled + predicted - middle)
    squares = float(np.square(by_label).sum())
    doubt = _IMAGINED * typical**2 * float(np.square(imagined - centre).sum())
    many = effective + 2 * _IMAGINED
    freedom = max(1.0, many - 1 - len(power))
    variance = float(np.square(by_all).sum()) - squares + (squares + doubt) * many / freedom
    error = math.sqrt(max(0.0, variance)) / n
    value = middle + off
    half = error * student_quantile(freedom)
    each = predicted + off
    each[there] += weight * (rest - off)
    return _Estimate(value, Interval(value - half, value + half), error, freedom, power, each)


def _imagined(
    scores: Floats, agrees: Floats, ends: tuple[float, float], share: float
) -> tuple[Floats, Floats]:
    """Two rows on which judge and person are as far apart as can be, or a share of that.

    Differences of two answers can be twice as far apart as one label can be wrong, so they get
    half.

    Args:
        agrees: (k,) 1 where a score grows with labels, -1 where it falls.
    """
    least, most = scores.min(axis=0), scores.max(axis=0)
    middle, reach = (least + most) / 2, share * agrees * (most - least) / 2
    centre, half = (ends[0] + ends[1]) / 2, share * (ends[1] - ends[0]) / 2
    return np.stack([middle - reach, middle + reach]), np.array([centre + half, centre - half])


def _slopes(x: Floats, y: Floats, weight: Floats) -> Floats:
    """(k,) least squares with a mean of its own; the shortest where several do as well."""
    if not x.shape[1]:
        return np.zeros(0)
    total = weight.sum()
    root = np.sqrt(weight / total)
    inner = (x - weight @ x / total) * root[:, None]
    return np.asarray(np.linalg.lstsq(inner, (y - weight @ y / total) * root, rcond=1e-9)[0])


def _effective(weights: Floats) -> float:
    """Labels of equal weight that would say as much."""
    return float(weights.sum() ** 2 / np.square(weights).sum())
