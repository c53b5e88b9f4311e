"""Drift inside the test period: its later half against its earlier one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.messages import bracketed, short_repr
from routelab.replay import ComparisonSet, Figures, NamedPolicy, Range, evaluate
from routelab.replay.breakdown import student, student_p

if TYPE_CHECKING:
    from routelab.tuning.study.verdict import Verdict

FEWEST = 30
"""Requests, and groups, of a half below which nothing is said of it."""

ALARM = 0.01
"""Chance, for either of quality and cost, that a drift is told of traffic that does not change."""


@short_repr
class Drift(msgspec.Struct, frozen=True):
    """How a policy's figures changed from the earlier to the later half of the test period.

    Attributes:
        since_s: Unix seconds at which the later half begins.
        n_requests: of either half.
        quality, usd_per_1k: of the policy in either half.
        quality_change, quality_change_ci: later less earlier, with its 95 % interval.
        usd_change, usd_change_ci: the same of USD per 1,000 requests.
        gain, gain_ci: over the zero router in the later half.
        verdict: what it would be on the later half alone.
        text: all of it in a sentence.
    """

    since_s: float
    n_requests: tuple[int, int]
    quality: tuple[float, float]
    usd_per_1k: tuple[float, float]
    quality_change: float
    quality_change_ci: Range
    usd_change: float
    usd_change_ci: Range
    gain: float
    gain_ci: Range
    verdict: str
    text: str


def drift(
    testing: ComparisonSet, policy: NamedPolicy, judge: Callable[[Figures], Verdict]
) -> Drift | None:
    """The drift that test shows beyond chance; None where it shows none, or could not.

    Args:
        testing: rows of test, of a cut in time.
        policy: that is exported.
        judge: figures on the later half.
    Source: Liang & Zeger 1986 (errors of a difference of means, groups kept together).
    """
    times = testing.log.requests.timestamp_s
    if times is None or len(times) < 2 * FEWEST:
        return None
    since = float(np.median(times))
    late = times >= since
    if min(len(np.unique(testing.groups[it])) for it in (late, ~late)) < FEWEST:
        return None
    replay = testing.replay(policy.policy)
    quality, alarm = _change(replay.quality, late, testing.groups)
    usd, other = _change(1000 * replay.cost_usd, late, testing.groups)
    if min(alarm, other) >= ALARM:
        return None
    later = evaluate(testing.take(np.flatnonzero(late), testing.part), [policy])[0]
    word = judge(later).word
    before = float(replay.quality[~late].mean()), 1000 * float(replay.cost_usd[~late].mean())
    text = (
        f"drift inside test: from its earlier half to its later one, quality goes from"
        f" {before[0]:.4f} to {later.quality:.4f} ({100 * quality[0]:+z.2f} points"
        f" {bracketed(quality[1], '+.2f', 100)}) and cost from {before[1]:.4g} to"
        f" {later.usd_per_1k:.4g} USD per 1,000 requests ({usd[0]:+.4g}"
        f" {bracketed(usd[1], '+.4g')}); on the later half alone the gain is"
        f" {100 * later.gain_vs_zero_router:+z.2f} points {bracketed(later.gain_ci, '+.2f', 100)},"
        f" and the verdict would be {word}"
    )
    return Drift(
        since,
        (int((~late).sum()), int(late.sum())),
        (before[0], later.quality),
        (before[1], later.usd_per_1k),
        *quality,
        *usd,
        later.gain_vs_zero_router,
        later.gain_ci,
        word,
        text,
    )


def _change(values: Floats, late: Bools, groups: Ints) -> tuple[tuple[float, Range], float]:
    """Mean of the later half less that of the earlier, its 95 % interval, and its p-value."""
    change, off = 0.0, np.empty(len(values))
    for half, sign in ((late, 1.0), (~late, -1.0)):
        mean = float(values[half].mean())
        change += sign * mean
        off[half] = sign * (values[half] - mean) / half.sum()
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, off)
    n = len(sums)
    error = float(np.sqrt(n / (n - 1) * np.square(sums).sum()))
    reach = float(student(np.array(n - 1))) * error
    p = student_p(change, error, n - 1) if error > 0 else float(change == 0)
    return (change, (change - reach, change + reach)), p
