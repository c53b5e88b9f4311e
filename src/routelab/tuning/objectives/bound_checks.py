"""The user's bounds, held against the test part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from routelab.core import Floats, Ints, Policy
from routelab.core.messages import bracketed, first
from routelab.replay import ComparisonSet, Figures, Replay
from routelab.replay.breakdown import standard_errors, student
from routelab.stats import Resamples, interval, requests_above
from routelab.tuning.objectives.bounds import Bounds
from routelab.tuning.objectives.feasibility import LATENCY, Demands, Groups, p95_s
from routelab.tuning.objectives.score import PolicyScore

RESAMPLES = 2000
NAMED = 5
"""Groups too small to judge that a sentence names, at most."""

Range: TypeAlias = tuple[float, float]


class BoundCheck(msgspec.Struct, frozen=True):
    """One of the user's bounds, judged by its point estimate on test.

    Attributes:
        bound: "cost", "quality", "latency_p95", or "column=group".
        limit: in USD per 1,000 requests, quality, seconds, or quality lost.
        tune, test: value of the policy on either part; None where tune had too few requests.
        test_ci: 95 % interval.
        met: on test.
        n_requests: of test that it rests on.
        needed: how many would settle on which side of the limit the truth lies; None if the
            interval settles it, or no number would.
        text: all of it in a sentence.
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
            yield _judged(
                key,
                groups.loss,
                None if on_tune is None else on_tune + groups.loss,
                loss,
                ends,
                loss <= groups.loss,
                n,
                f"{key} loses {100 * loss:.2f} points [{100 * ends[0]:.2f}, {100 * ends[1]:.2f}]"
                f" against {model} on {n} test requests, {100 * groups.loss:g} allowed:",
            )


def mean_bound_checks(
    test: Figures, bounds: Bounds, best: float, tune: PolicyScore | None
) -> Iterator[BoundCheck]:
    """The bounds on mean cost and mean quality, judged on test.

    Args:
        test: figures of the policy on test.
        bounds: the user's.
        best: quality on test of the candidate that was best on tune.
        tune: means of the policy on tune; None if they are not known.
    """
    n = test.n_requests
    if (ceiling := bounds.max_usd_per_1k) is not None:
        low, high = ends = test.usd_per_1k_ci
        met = test.usd_per_1k <= ceiling
        text = f"cost bound of {ceiling:.4g} is {_word(met)} on test: {test.usd_per_1k:.4g} USD"
        text += f" per 1,000 requests {bracketed((low, high), '.4g')}"
        on_tune = None if tune is None else tune.usd_per_1k
        yield _judged("cost", ceiling, on_tune, test.usd_per_1k, ends, met, n, text)
    if (floor := bounds.floor(best)) is not None:
        low, high = ends = test.quality_ci
        met = test.quality >= floor
        text = f"quality bound of {floor:.4f} is {_word(met)} on test: {test.quality:.4f}"
        text += f" {bracketed((low, high), '.4f')}"
        on_tune = None if tune is None else tune.quality
        yield _judged("quality", floor, on_tune, test.quality, ends, met, n, text)


def bound_sentences(judged: Sequence[BoundCheck]) -> list[str]:
    """Sentences on the bounds that are met, one for all groups of a column."""
    found = [it.text for it in judged if it.met and it.column is None]
    for column in dict.fromkeys(it.column for it in judged if it.column):
        here = [it for it in judged if it.column == column]
        kept = [it for it in here if it.met]
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
            LATENCY, longest, p95_s(before), found, (found, found), False, 0, None, text
        )
    low, high = _woodruff(replay.latency_s[seen], found, seen, testing)
    met = found <= longest
    text = f"latency bound of {longest:g} s is {_word(met)} on test: P95 {found:.4g} s"
    text += f" {bracketed((low, high), '.4g')}"
    return _judged(LATENCY, longest, p95_s(before), found, (low, high), met, len(seen), text)


def _woodruff(latency: Floats, found: float, seen: Ints, comparison: ComparisonSet) -> Range:
    """95 % interval of the 95th percentile: that of the share below it, read as latencies.

    Source: Woodruff 1952, "Confidence intervals for medians and other position measures".
    """
    whole = np.zeros(len(comparison.log))
    whole[seen] = latency <= found
    low, high = interval(_resampled(comparison, seen, whole))
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


def _resampled(comparison: ComparisonSet, rows: Ints, values: Floats) -> Floats:
    resamples = Resamples(comparison.groups[rows], n_resamples=RESAMPLES, seed=comparison.seed)
    return resamples.means(values[rows][:, None])[:, 0]


def _word(met: bool) -> str:
    return "met" if met else "missed"


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
    if text.endswith(":"):
        text += f" {_word(met)}"
    if low <= limit <= high:
        needed = requests_above(abs(test - limit), (high - low) / 2, n)
        text += ", an interval that does not settle it"
        if needed is not None:
            text += f"; about {needed:,} test requests would"
    return BoundCheck(bound, limit, tune, test, (low, high), met, n, needed, text)
