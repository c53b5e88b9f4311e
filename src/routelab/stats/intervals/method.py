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

SHOWN = 1000
"""Requests of a log that hold one at least of what comes 3 times in 1,000, with chance .95."""

_LESS = 0.8
"""Of the effective groups, from which on it is said that the log's are fewer."""

RARE = 40
"""Groups like an unseen one that would make up all of the variance, from which it is no matter
whether one more was seen: it widens an interval by about 1 %."""

MethodName = Literal["percentile", "expanded", "pseudo-rows", "skewness"]
"""How intervals are made; "skewness" in files of old alone."""

_PERCENTILE: Final = "percentile"
_EXPANDED: Final = "expanded"
_PSEUDO_ROWS: Final = "pseudo-rows"

_MADE: Final[dict[MethodName, str]] = {
    _PERCENTILE: "percentile bootstrap by group",
    _EXPANDED: "percentile bootstrap by group with the tails of Student's t",
    _PSEUDO_ROWS: "percentile bootstrap by group with requests that were not seen but may come",
    "skewness": "Hall's correction for skewness",
}

_NORMAL = NormalDist()

_NONE_SEEN = 3
"""Expected requests of a sort of which none is seen with chance .05 (the rule of three)."""


class IntervalMethod(msgspec.Struct, frozen=True):
    """How a 95 % interval was made, and why so.

    Attributes:
        name: "percentile" (bootstrap by group), "expanded" (its tails by Student's t), or
            "pseudo-rows" (rows that were not seen but may come are drawn into resamples);
            "skewness" (Hall's cubic) in files of old.
        reason: what of the data decided, in a sentence; "" for the plain percentile.
        effective_groups: independent groups of equal size that would say as much.
        refusal: why no verdict may rest on it, in a sentence; "" where one may.
        condition: what it takes for granted because the log is too short to show it, in a
            sentence; "" where nothing is.
    """

    name: MethodName
    reason: str
    effective_groups: float
    refusal: str = ""
    condition: str = ""

    def __str__(self) -> str:
        made = _MADE[self.name]
        made = f"{made}, as {self.reason}" if self.reason else made
        return f"{made}; {self.condition}" if self.condition else made


class MethodInterval(NamedTuple):
    """An interval and how it was made.

    Attributes:
        ends: in units of the figure.
        method: which one, why, and whether a verdict may rest on it.
    """

    ends: Interval
    method: IntervalMethod


class Unseen(NamedTuple):
    """One more group that was not seen but may come, at either end.

    Attributes:
        low, high: how far its sum would be below (0 or less) and above (0 or more) the estimate
            times its rows, in units of the sums.
        weight: how many of them are drawn into a resample, on average, both ends together.
    """

    low: float
    high: float
    weight: float = 1.0


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


def condition(requests: int) -> str:
    """What a mean without a range takes for granted on so few requests; "" on enough.

    No request says what another one may cost at most, so that no interval of a mean cost holds
    whatever comes (Bahadur & Savage 1956): it holds for what the log is long enough to show.

    Args:
        requests: of the whole log.
    Source: Bahadur & Savage 1956, "The nonexistence of certain statistical procedures in
        nonparametric problems".
    """
    if requests >= SHOWN:
        return ""
    rarest = max(2, requests // _NONE_SEEN)
    return (
        f"it holds unless requests dearer than all of these come: a log of {requests:,} may lack"
        f" what comes once in {rarest}, and one of {SHOWN:,} shows what comes 3 times in 1,000"
    )


# Long: its arguments need many words.
def figure_interval(
    value: float,
    samples: Floats,
    sums: Floats,
    sizes: Floats,
    *,
    unseen: Sequence[Unseen] = (),
    requests: int | None = None,
    even: float = math.inf,
    low: float = -math.inf,
    high: float = math.inf,
) -> MethodInterval:
    """95 % interval of a mean, or of what moves as a mean does.

    Resamples repeat what was seen. Where one group more could move the figure by much (rare
    failures, few rows on which two policies differ, a heavy tail of costs), each resample has a
    Poisson number of such groups besides, of either end in proportion to how far it reaches, as
    Agresti & Coull add successes and failures to a share.

    Args:
        value: the estimate.
        samples: (B,) the same of each resample.
        sums: (G,) by group; their sum over that of the sizes is the estimate. Of a ratio or
            another smooth function of means, its linearisation.
        sizes: (G,) rows of each group.
        unseen: groups that may come; none where nothing could change the figure.
        requests: of the whole log, for a figure that a single request may change by any amount;
            None for others.
        even: effective groups that as many rows of the whole log have. Where these rows have more,
            they lack its largest groups, whose share of the variance they cannot show.
        low, high: what the figure cannot leave.
    Source: Agresti & Coull 1998; Hesterberg 2015, "What teachers should know about the bootstrap",
        section 5 (expanded tails).
    """
    used = sizes > 0
    sums, sizes = sums[used], sizes[used]
    effective, groups = effective_groups(sizes), len(sizes)
    refused = refusal(effective, groups)
    granted = "" if requests is None else condition(requests)
    if groups == 1:
        alone = IntervalMethod(_EXPANDED, "", effective, refused, granted)
        return _of_one_group(value, low, high, alone)
    off = sums - value * sizes
    squares = np.square(off)
    if even < effective:
        samples = value + (samples - value) * _uneven(squares, sizes, even)
    heavy = [it for it in unseen if RARE * max(it.high, -it.low) ** 2 > squares.sum() > 0.0]
    if not squares.any():
        heavy = [it for it in unseen if it.high > 0.0 or it.low < 0.0]
    name: MethodName = _PERCENTILE
    reasons = []
    if heavy:
        samples = _with_unseen(value, samples, groups / float(sizes.sum()), groups, heavy)
        name = _PSEUDO_ROWS
        reasons.append(_rests_on(squares, heavy))
    if even < _LESS * effective:
        reasons.append(f"the log has larger groups than these rows, which count as {even:.1f}")
    if min(effective, even) < MANY_GROUPS:
        name = name if heavy else _EXPANDED
        reasons.append(f"the groups count as {effective:.1f} of equal size")
    ends = _expanded(samples, effective)
    inside = Interval(min(value, max(low, ends.low)), max(value, min(high, ends.high)))
    return MethodInterval(
        inside, IntervalMethod(name, "; ".join(reasons), effective, refused, granted)
    )


def _uneven(squares: Floats, sizes: Floats, even: float) -> float:
    """By how much an interval is too short as these rows lack the largest groups of their log.

    The variance of a mean has a part of what the rows of a group share, which goes with the sum of
    squared shares of groups, and a part of each row's own, which does not. The first is the slope
    of what a group adds, by row, on the rows it has.

    Args:
        squares: (G,) of each group's sum off the mean.
        sizes: (G,) rows.
        even: effective groups of as many rows of the whole log.
    Source: Searle, Casella & McCulloch 1992, "Variance components", chapter 3 (by moments).
    """
    total, rows = float(squares.sum()), float(sizes.sum())
    if not total:
        return 1.0
    y, x = squares / sizes, sizes - sizes.mean()
    spread = float((x * x).sum())
    shared = float((x * y).sum()) / spread if spread else 0.0
    most = total / float(np.square(sizes).sum())
    lacking = 1.0 / even - 1.0 / effective_groups(sizes)
    return math.sqrt(1.0 + min(max(0.0, shared), most) * lacking * rows * rows / total)


def _of_one_group(value: float, low: float, high: float, method: IntervalMethod) -> MethodInterval:
    """One group says nothing of a bounded figure; of another one, its error is taken to be the
    figure itself."""
    if math.isfinite(low) and math.isfinite(high):
        return MethodInterval(
            Interval(low, high), msgspec.structs.replace(method, reason="one group has no spread")
        )
    reach = abs(value) * student_quantile(1.0)
    reason = "one group has no spread; it is taken to be the figure itself"
    return MethodInterval(
        Interval(max(low, value - reach), min(high, value + reach)),
        msgspec.structs.replace(method, reason=reason),
    )


def _with_unseen(
    value: float, samples: Floats, per_row: float, groups: int, unseen: Sequence[Unseen]
) -> Floats:
    """The resamples, had they held groups that were not seen."""
    rng = np.random.default_rng(len(samples))
    added, drawn = np.zeros(len(samples)), np.zeros(len(samples))
    for it in unseen:
        # Rounding may put both ends on one side of what they move, by its last digit.
        low, high = min(it.low, 0.0), max(it.high, 0.0)
        if low == high:
            continue
        share = high / (high - low)
        lower = rng.poisson(it.weight * (1.0 - share), len(samples))
        upper = rng.poisson(it.weight * share, len(samples))
        added += lower * (low * per_row) + upper * (high * per_row)
        drawn += lower + upper
    return np.asarray(value + ((samples - value) * groups + added) / (groups + drawn))


def _rests_on(squares: Floats, unseen: Sequence[Unseen]) -> str:
    """How few groups make up half of the variance, or how much one more would add."""
    total = float(squares.sum())
    if not total:
        return f"none of {len(squares):,} groups differs from the rest"
    few = min(RARE, len(squares))
    largest = -np.sort(np.partition(-squares, few - 1)[:few])
    half = int(np.searchsorted(np.cumsum(largest), 0.5 * total)) + 1
    if half > few:
        farthest = max(max(it.high, -it.low) for it in unseen)
        times = farthest / math.sqrt(total)
        return f"one group not seen yet could move it by {times:.1f} standard errors"
    made = f"{half} of {len(squares):,} groups make" if half > 1 else f"1 of {len(squares):,} makes"
    return f"{made} up half of its variance"


def _expanded(samples: Floats, effective: float) -> Interval:
    """The percentile interval, its tails those of Student's t where groups are few."""
    if effective >= MANY_GROUPS:
        return interval(samples)
    freedom = max(1.0, effective - 1.0)
    reach = student_quantile(freedom) * math.sqrt((freedom + 1.0) / freedom)
    return interval(samples, 1.0 - 2.0 * max(_NORMAL.cdf(-reach), 0.5 / len(samples)))
