"""The user's bounds, held against the test part."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import replace

from routelab.core import Floats, Ints, Policy
from routelab.core.messages import bracketed, first
from routelab.replay import Baseline, ComparisonSet, Figures, Replay
from routelab.replay.breakdown import standard_errors, student
from routelab.stats import (
    Resamples,
    Unseen,
    figure_interval,
    range_text,
    requests_above,
    requests_range,
)
from routelab.tuning.objectives.bounds import Bounds
from routelab.tuning.objectives.feasibility import LATENCY, Demands, Groups, p95_s
from routelab.tuning.objectives.score import PolicyScore

RESAMPLES = 2000
COST, QUALITY = "cost", "quality"
NAMED = 5
"""Groups too small to judge that a sentence names, at most."""

Range: TypeAlias = tuple[float, float]


class BoundCheck(msgspec.Struct, frozen=True):
    """One of the user's bounds, judged on test.

    Attributes:
        bound: "cost", "quality", "latency_p95", or "column=group".
        limit: in USD per 1,000 requests, quality, seconds, or quality lost.
        tune, test: value of the policy on either part; None where tune had too few requests.
        test_ci: 95 % interval; of a share of the best model's quality, that of the distance to it,
            from the limit.
        met: by the estimate on test.
        n_requests: of test that it rests on.
        needed: how many would settle on which side of the limit the truth lies; None if the
            interval settles it, or no number would.
        text: all of it in a sentence.
        proven: the whole interval keeps to the limit; None in files of old, which did not say.
    """

    bound: str
    limit: float
    tune: float | None
    test: float
    test_ci: Range
    met: bool
    n_requests: int
    needed: int | None
    text: str
    proven: bool | None = None

    @property
    def word(self) -> str:
        """Whether it is "met", "met, not proven" or "missed"."""
        return verdict_word(self.met, self.proven)

    @property
    def column(self) -> str | None:
        """What groups requests, where the bound is on a group."""
        column, equals, _ = self.bound.partition("=")
        return column if equals else None


def judge(
    policy: Policy, tuning: ComparisonSet, testing: ComparisonSet, tuned: Demands, tested: Demands
) -> Iterator[BoundCheck]:
    """The bounds on latency and groups, judged on test.

    Args:
        policy: to judge.
        tuning, testing: rows of either part.
        tuned, tested: the bounds on either part.
    """
    bounds = tested.bounds
    if not bounds.further:
        return
    before, replay = tuning.replay(policy), testing.replay(policy)
    if (longest := bounds.max_p95_s) is not None:
        yield _latency(longest, before, replay, testing)
    known = tuned.further(before)
    lost = testing.replay(tested.reference).quality - replay.quality
    model = tested.reference.models_used[0]
    for groups in tested.groups:
        losses = groups.losses(replay.quality)
        reach = _reach(lost, groups, testing)
        for index, key in enumerate(groups.keys()):
            loss = float(losses[index])
            ends = max(-1.0, loss - reach[index]), min(1.0, loss + reach[index])
            n = int(groups.sizes[index])
            on_tune = known.get(key)
            text = f"{key} loses {100 * loss:.2f} points [{100 * ends[0]:.2f}, {100 * ends[1]:.2f}]"
            text += f" against {model} on {n} test requests, {100 * groups.loss:g} allowed: "
            text += verdict_word(loss <= groups.loss, ends[1] <= groups.loss)
            yield _judged(
                key,
                groups.loss,
                None if on_tune is None else on_tune + groups.loss,
                loss,
                ends,
                loss <= groups.loss,
                n,
                text,
            )


def mean_bound_checks(
    test: Figures, bounds: Bounds, best: str, tune: PolicyScore | None
) -> Iterator[BoundCheck]:
    """The bounds on mean cost and mean quality, judged on test.

    Args:
        test: figures of the policy on test.
        bounds: the user's.
        best: the candidate that was best on tune.
        tune: means of the policy on tune; None if they are not known.
    """
    for it in means_at_bounds(test, bounds, best):
        dear = it.bound == COST
        word = verdict_word(it.met, it.proven)
        if dear:
            on_tune = None if tune is None else tune.usd_per_1k
            text = f"cost bound of {it.limit:.4g} is {word} on test: {it.value:.4g} USD"
            text += f" per 1,000 requests {bracketed(it.ends, '.4g')}"
        else:
            on_tune = None if tune is None else tune.quality
            text = f"quality bound of {it.limit:.4f} is {word} on test: {it.value:.4f}"
            text += f" {bracketed(it.ends, '.4f')}"
        check = _judged(
            it.bound, it.limit, on_tune, it.value, it.ends, it.met, test.n_requests, text
        )
        if it.condition and check.proven:
            check = replace(check, proven=False, text=f"{text}; {it.condition}")
        yield check


class MeanAtBound(NamedTuple):
    """A mean that the user bounds.

    Attributes:
        bound: "cost" or "quality".
        limit: in USD per 1,000 requests, or quality.
        value: the mean.
        ends: its 95 % interval; where the limit is a share of the best model's quality on the
            same requests, that of the distance between the two, from the limit.
        condition: what the interval takes for granted on so short a log, in a sentence, so that
            nothing is proven; "" where nothing is.
    """

    bound: str
    limit: float
    value: float
    ends: Range
    condition: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.limit if self.bound == COST else self.value >= self.limit

    @property
    def proven(self) -> bool:
        """Whether the whole interval keeps to the limit; of what never varies, the value."""
        low, high = self.ends
        if self.condition:
            return False
        return high <= self.limit if self.bound == COST else low >= self.limit

    @property
    def distance(self) -> float:
        """From the limit; negative where it is broken."""
        return self.limit - self.value if self.bound == COST else self.value - self.limit

    @property
    def reach(self) -> float:
        """How far the interval goes from the value to the side of the limit."""
        low, high = self.ends
        return high - self.value if self.bound == COST else self.value - low


def means_at_bounds(figures: Figures, bounds: Bounds, best: str) -> Iterator[MeanAtBound]:
    """Mean cost and mean quality, as far as they are bounded.

    Args:
        figures: of the policy.
        bounds: the user's.
        best: the candidate that was best on tune.
    """
    if (ceiling := bounds.max_usd_per_1k) is not None:
        ends = figures.usd_per_1k_ci
        yield MeanAtBound(COST, ceiling, figures.usd_per_1k, ends, figures.cost_condition)
    alone = figures.alone(best)
    if (floor := bounds.floor(alone.quality)) is not None:
        share, least = bounds.min_quality_share, bounds.min_quality
        ends = figures.quality_ci
        if share is not None and (least is None or share * alone.quality > least):
            ends = _against_share(figures, alone, share)
        yield MeanAtBound(QUALITY, floor, figures.quality, ends)


def _against_share(figures: Figures, best: Baseline, share: float) -> Range:
    """The interval of quality less a share of the best model's, about the policy's quality.

    From the intervals of either quality and of their difference, which together say how the two
    vary with each other: Var(p - sb) = (1 - s) Var(p) + s Var(p - b) - s (1 - s) Var(b).
    """

    def reach(side: int) -> float:
        other = 1 - side
        own = abs(figures.quality_ci[side] - figures.quality)
        alone = abs(best.quality_ci[other] - best.quality)
        apart = abs(best.quality_gain_ci[side] - best.quality_gain)
        square = (1 - share) * own**2 + share * apart**2 - share * (1 - share) * alone**2
        return math.sqrt(max(0.0, square))

    return figures.quality - reach(0), figures.quality + reach(1)


def verdict_word(met: bool, proven: bool | None) -> str:
    """Whether a bound is "met", "met, not proven" or "missed" on test."""
    if not met:
        return "missed"
    return "met, not proven" if proven is False else "met"


def on_bounds(judged: Sequence[BoundCheck]) -> str:
    """What a row of a table says of a policy's bounds: the worst word; nothing without any."""
    words = {it.word for it in judged}
    return next((it for it in ("missed", "met, not proven", "met") if it in words), "")


def bound_sentences(judged: Sequence[BoundCheck]) -> list[str]:
    """Sentences on the bounds that surely hold, one for all groups of a column."""
    found = [it.text for it in judged if it.proven and it.column is None]
    for column in dict.fromkeys(it.column for it in judged if it.column):
        here = [it for it in judged if it.column == column]
        kept = [it for it in here if it.proven]
        if kept:
            worst = max(kept, key=lambda it: it.test)
            found.append(
                f"{len(kept)} of {len(here)} {column} groups keep to their bound; nearest to it,"
                f" {worst.text}"
            )
    return found


def unjudged(tuned: Demands, tested: Demands) -> list[str]:
    """Which groups are too small to judge, in sentences."""
    found = []
    for part, wanted in (("tune", tuned), ("test", tested)):
        for it in wanted.groups:
            if it.small:
                names = sorted(it.small, key=lambda name: (-it.small[name], name))
                named = [f"{name} ({it.small[name]})" for name in names]
                found.append(
                    f"{len(names)} {it.by} groups are too small on {part} to hold to a bound on"
                    f" what they lose: {first(named, NAMED)}"
                )
    return found


def _latency(longest: float, before: Replay, replay: Replay, testing: ComparisonSet) -> BoundCheck:
    found = p95_s(replay)
    seen = np.flatnonzero(~np.isnan(replay.latency_s))
    if not len(seen):
        text = f"latency bound of {longest:g} s is missed on test: no latency was observed there"
        return BoundCheck(
            LATENCY, longest, p95_s(before), found, (found, found), False, 0, None, text, False
        )
    low, high = _woodruff(replay.latency_s[seen], found, seen, testing)
    met = found <= longest
    text = f"latency bound of {longest:g} s is {verdict_word(met, high <= longest)} on test:"
    text += f" P95 {found:.4g} s {bracketed((low, high), '.4g')}"
    return _judged(LATENCY, longest, p95_s(before), found, (low, high), met, len(seen), text)


def _woodruff(latency: Floats, found: float, seen: Ints, comparison: ComparisonSet) -> Range:
    """95 % interval of the 95th percentile: that of the share below it, read as latencies.

    Source: Woodruff 1952, "Confidence intervals for medians and other position measures".
    """
    whole = np.zeros(len(comparison.log))
    whole[seen] = latency <= found
    resamples = Resamples(comparison.groups[seen], n_resamples=RESAMPLES, seed=comparison.seed)
    sums = resamples.sums(whole[seen][:, None])
    share, sizes = float(sums[0].sum() / sums[1].sum()), sums[1]
    off = sums[0] - share * sizes
    rows = Unseen(min(-share, float(off.min())), max(1.0 - share, float(off.max())))
    low, high = figure_interval(
        share, resamples.means_of(sums)[:, 0], sums[0], sizes, unseen=[rows], low=0.0, high=1.0
    ).ends
    ends = np.quantile(latency, [max(0.0, low), min(1.0, high)])
    return float(min(ends[0], found)), float(max(ends[1], found))


def _reach(lost: Floats, groups: Groups, comparison: ComparisonSet) -> list[float]:
    """Half of each group's 95 % interval, by Student's t as for slices of the report.

    Infinite where all of a group's requests are resampled together.
    """
    here = groups.codes < len(groups.names)
    if not here.any():
        return []
    error, clusters = standard_errors(
        lost[here], groups.codes[here], len(groups.names), comparison.groups[here]
    )
    reach = student(np.maximum(clusters - 1, 1)) * error
    found: list[float] = np.where(clusters > 1, reach, np.inf).tolist()
    return found


def _judged(
    bound: str,
    limit: float,
    tune: float | None,
    test: float,
    ends: Range,
    met: bool,
    n: int,
    text: str,
) -> BoundCheck:
    low, high = ends
    needed = None
    proven = met and (low >= limit if bound == QUALITY else high <= limit)
    if not (low > limit or high < limit or proven):
        distance, half = abs(test - limit), (high - low) / 2
        needed, among = requests_above(distance, half, n), requests_range(distance, half, n)
        text += ", an interval that does not settle it"
        if among is not None:
            text += f"; {range_text(among)} test requests would"
    return BoundCheck(bound, limit, tune, test, (low, high), met, n, needed, text, proven)
