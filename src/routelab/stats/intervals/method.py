"""How an interval of a mean is made: decided in one place, from the shape of the data.

The percentile bootstrap by group holds where groups are many and alike, tails are light and no
outcome is rare. Where one of these fails it is too short, so the interval is made otherwise, and
says how and why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from routelab.core import Floats
from routelab.stats.bootstrap import Interval, interval
from routelab.stats.student import student_quantile

FEWEST_GROUPS = 10.0
"""Effective groups below which no interval is fit for a verdict: 10 conversations of 1 to 40
turns count as 8, and the expanded interval covers .93 there, of 5 of them .91."""

MANY_GROUPS = 100.0
"""Effective groups from which Student's quantile is as good as the normal one."""

RARE = 40
"""Groups that differ from the rest, below which pseudo-rows widen an interval of a share."""

SKEWED = 0.15
"""Skewness of a mean from which an interval of costs is corrected for it."""

MethodName = Literal["percentile", "expanded", "pseudo-rows", "skewness"]

_PERCENTILE: Final = "percentile"
_EXPANDED: Final = "expanded"
_PSEUDO_ROWS: Final = "pseudo-rows"
_SKEWNESS: Final = "skewness"

_NORMAL = NormalDist()
_TAIL = 0.025


class IntervalMethod(msgspec.Struct, frozen=True):
    """How a 95 % interval was made, and why so.

    Attributes:
        name: "percentile" (bootstrap by group), "expanded" (its tails by Student's t),
            "pseudo-rows" (one more group at each end of the range), or "skewness" (Hall's cubic).
        reason: what of the data decided, in a sentence; "" for the plain percentile.
        effective_groups: independent groups of equal size that would say as much.
        refusal: why no verdict may rest on it, in a sentence; "" where one may.
    """

    name: MethodName
    reason: str
    effective_groups: float
    refusal: str = ""


class MethodInterval(NamedTuple):
    """An interval and how it was made.

    Attributes:
        ends: in units of the figure.
        method: which one, why, and whether a verdict may rest on it.
    """

    ends: Interval
    method: IntervalMethod


def effective_groups(sizes: Floats) -> float:
    """Groups of equal size that would weigh as evenly: squared sum over sum of squares.

    Args:
        sizes: (G,) rows of each group, not all zero.
    Source: Kish 1965, "Survey sampling", section 11.7.
    """
    return float(sizes.sum()) ** 2 / float(np.square(sizes).sum())


def refusal(effective: float, groups: int) -> str:
    """Why so few groups bear no verdict, or "" where they do.

    Args:
        effective: see `effective_groups`.
        groups: how many there are.
    """
    if effective >= FEWEST_GROUPS:
        return ""
    count = "1 group" if groups == 1 else f"{groups} groups"
    worth = (
        "" if groups < FEWEST_GROUPS else f" of so unequal size that they count as {effective:.1f}"
    )
    return (
        f"the requests come in {count}{worth}, and {FEWEST_GROUPS:.0f} are the fewest that an"
        " interval can be trusted with: log more groups, or group by something finer"
    )


def bounded_interval(
    value: float,
    samples: Floats,
    sums: Sequence[Floats],
    sizes: Floats,
    *,
    low: float,
    high: float,
) -> MethodInterval:
    """95 % interval of a mean (or of what is made of means) that lies in [low, high].

    Where few groups differ from the rest, resamples miss what was rare and not seen: a group at
    each end of the range is added, drawn as often as any other (as Agresti & Coull add two
    successes and two failures to a share).

    Args:
        value: the estimate.
        samples: (B,) the same of each resample.
        sums: columns (G,) by group; a group differs where any of them over its size does. None
            where nothing that was not seen could change the figure.
        sizes: (G,) rows of each group.
        low, high: what the figure cannot leave.
    Source: Agresti & Coull 1998; Hesterberg 2015, "What teachers should know about the bootstrap",
        section 5 (expanded tails).
    """
    used = sizes > 0
    effective, groups = effective_groups(sizes), int(used.sum())
    refused = refusal(effective, groups)
    if groups == 1:
        method = IntervalMethod(_EXPANDED, "one group has no spread", effective, refused)
        return MethodInterval(Interval(low, high), method)
    differ = _differing([column[used] / sizes[used] for column in sums]) if sums else groups
    drawn, reason = samples, ""
    name: MethodName = _PERCENTILE
    if sums and differ < RARE:
        drawn, name = _with_pseudo_rows(samples, effective, low, high), _PSEUDO_ROWS
        reason = f"only {differ} of {groups} groups differ from the rest"
    if effective < MANY_GROUPS:
        name = _EXPANDED if name == _PERCENTILE else name
        reason = "; ".join(filter(None, (reason, _few(effective))))
    ends = _expanded(drawn, effective)
    inside = Interval(min(value, max(low, ends.low)), max(value, min(high, ends.high)))
    return MethodInterval(inside, IntervalMethod(name, reason, effective, refused))


def cost_interval(
    value: float, samples: Floats, sums: Floats, sizes: Floats, *, least: float = -math.inf
) -> MethodInterval:
    """95 % interval of a mean whose values have no upper limit, such as costs.

    Where the mean is skewed, Hall's cubic transformation takes the skewness away; and as the
    dearest group may not have been seen, each end is found with one more group like the most
    extreme one of that side.

    Args:
        value: the estimate.
        samples: (B,) the same of each resample.
        sums: (G,) by group.
        sizes: (G,) rows of each group.
        least: what the mean cannot be below.
    Source: Hall 1992, "On the removal of skewness by transformation"; Johnson 1978.
    """
    used = sizes > 0
    effective, groups = effective_groups(sizes), int(used.sum())
    refused = refusal(effective, groups)
    if groups == 1:
        reach = abs(value) * student_quantile(1.0)
        method = IntervalMethod(
            _EXPANDED,
            "one group has no spread; it is taken to be the figure itself",
            effective,
            refused,
        )
        return MethodInterval(Interval(max(least, value - reach), value + reach), method)
    off = _influence(value, sums[used], sizes[used])
    skewness = _skewness(off)
    if abs(skewness) >= SKEWED:
        reason = f"the costs' tail is heavy: the skewness of their mean is {skewness:.2f}"
        z = student_quantile(effective - 1.0)
        high = value + _hall(np.append(off, max(off.max(), 0.0)), z)
        low = value - _hall(-np.append(off, min(off.min(), 0.0)), z)
        plain = _expanded(samples, effective)
        ends = Interval(max(least, min(low, plain.low)), max(high, plain.high))
        return MethodInterval(ends, IntervalMethod(_SKEWNESS, reason, effective, refused))
    low, high = _expanded(samples, effective)
    method = IntervalMethod(_PERCENTILE, "", effective, refused)
    if effective < MANY_GROUPS:
        method = IntervalMethod(_EXPANDED, _few(effective), effective, refused)
    return MethodInterval(Interval(max(least, low), high), method)


def _few(effective: float) -> str:
    return f"the groups count as {effective:.1f} of equal size"


def _differing(means: Sequence[Floats]) -> int:
    """Groups that differ from the most frequent one in any column."""
    rounded = np.stack([np.round(column, 12) for column in means], axis=1)
    most = rounded[0].copy()
    common = np.ones(len(rounded), dtype=np.bool_)
    for column in range(rounded.shape[1]):
        there, counts = np.unique(rounded[common, column], return_counts=True)
        most[column] = there[np.argmax(counts)]
        common &= rounded[:, column] == most[column]
    return int((~common).sum())


def _with_pseudo_rows(samples: Floats, groups: float, low: float, high: float) -> Floats:
    """The resamples, had there been a group at each end, drawn once each on average."""
    drawn = np.random.default_rng(len(samples)).poisson(1.0, (len(samples), 2))
    added = drawn[:, 0] * low + drawn[:, 1] * high
    return np.asarray((samples * groups + added) / (groups + drawn.sum(axis=1)))


def _expanded(samples: Floats, effective: float) -> Interval:
    """The percentile interval, its tails those of Student's t where groups are few."""
    if effective >= MANY_GROUPS:
        return interval(samples)
    freedom = max(1.0, effective - 1.0)
    reach = student_quantile(freedom) * math.sqrt((freedom + 1.0) / freedom)
    return interval(samples, 1.0 - 2.0 * max(_NORMAL.cdf(-reach), 0.5 / len(samples)))


def _influence(value: float, sums: Floats, sizes: Floats) -> Floats:
    """(G,) how far each group is off, in units of the mean; they add up to nothing."""
    return np.asarray((sums - value * sizes) * (len(sizes) / sizes.sum()))


def _skewness(off: Floats) -> float:
    """Of the mean of these."""
    scale = float(np.std(off))
    if scale == 0.0:
        return 0.0
    return float(np.mean(((off - off.mean()) / scale) ** 3)) / math.sqrt(len(off))


def _hall(off: Floats, z: float) -> float:
    """How far above the estimate the mean may lie, the skewness of t taken away."""
    skewness = _skewness(off)
    error = float(np.std(off, ddof=1)) / math.sqrt(len(off))
    at = -z
    if abs(skewness) > 1e-6:
        at = (float(np.cbrt(1.0 + skewness * (-z - skewness / 6.0))) - 1.0) * 3.0 / skewness
    return float(off.mean()) - error * at
