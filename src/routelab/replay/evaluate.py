"""Figures of policies with intervals, beside every baseline on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeAlias, TypeVar

import msgspec
import numpy as np
from msgspec import structs

from routelab.core import Floats, Ints, Policy
from routelab.core.messages import short_repr
from routelab.errors import PolicyError
from routelab.metrics import aiq_among, exact_mean, zero_router_at
from routelab.replay import baselines, equal_cost, figure_intervals
from routelab.replay.baselines import ROUTERS, BaselineOutcome
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.coverage import NOTHING, RestOfLog
from routelab.replay.measure import Measure, OutcomeSums
from routelab.replay.result import Replay
from routelab.stats import (
    FEWEST_GROUPS,
    IntervalMethod,
    Resamples,
    block_length,
    joint_widening,
    moved_out,
    time_blocks,
)

RESAMPLES = 2000
"""Behind every interval of a policy's figures."""

Range: TypeAlias = tuple[float, float]
"""Low and high end of a 95 % interval."""
_NAMES = {"usd_per_1k": "cost", "gain": "the gain"}
_K = TypeVar("_K")
_Key: TypeAlias = tuple[int, str]
_ALL, SELF = -1, "policy"
"""Every row, and the policy itself, where measures have a key."""
ZERO_ROUTER = "zero_router"


class NamedPolicy(NamedTuple):
    """A policy and what to call it in tables.

    Attributes:
        name: in tables and plots.
        policy: to evaluate.
    """

    name: str
    policy: Policy


class Baseline(msgspec.Struct, frozen=True):
    """A baseline's figures, and how much better the policy is on the same rows.

    Attributes:
        name: "fixed:MODEL", "zero_router", "oracle" and so on.
        quality: mean in [0, 1], with its 95 % interval (as all fields in `_ci`).
        usd_per_1k: mean cost, USD per 1,000 requests.
        quality_gain: policy minus baseline, with its paired interval.
        saving_usd_per_1k: baseline minus policy, with its paired interval.
        saving_share: the same as a share of the baseline's cost, 1 at most, with the interval of
            this ratio; None where the baseline costs nothing, or in files of old.
    """

    name: str
    quality: float
    quality_ci: Range
    usd_per_1k: float
    usd_per_1k_ci: Range
    quality_gain: float
    quality_gain_ci: Range
    saving_usd_per_1k: float
    saving_usd_per_1k_ci: Range
    saving_share: float | None = None
    saving_share_ci: Range | None = None


@short_repr
class Figures(msgspec.Struct, frozen=True):
    """What a policy is worth on one part of a log; intervals are 95 %.

    Attributes:
        policy: its name.
        split: the part.
        n_requests, n_dropped: rows compared, and rows that lack a candidate's outcome.
        quality: mean in [0, 1], with its interval.
        usd_per_1k: mean cost of all calls, signals included, USD per 1,000 requests, with its
            interval.
        latency_p50_s, latency_p95_s: seconds; None where latency was not observed.
        escalation_rate: share of requests with more than one call, in [0, 1].
        model_share: share of requests answered by each candidate, in [0, 1].
        aiq: of the hull of this policy and the candidates, in [0, 1].
        aiq_zero_router: of the hull of the candidates. Both NaN if all cost the same.
        gain_vs_zero_router: quality above the candidates' hull at the policy's own cost.
        gain_ci: its interval, the hull refitted in every resample.
        baselines: see `Baseline`.
        interval_methods: how the intervals of "quality", "usd_per_1k" and "gain" were made, and
            why; empty in files of old.
        baselines_left_out: by name, why an untuned router is not among the baselines.
        aiq_ci: interval of `aiq`; None where that is NaN, and in files of old.
    Source: RouterBench, arXiv 2403.12031, section 3 (hull, zero router, AIQ).
    """

    policy: str
    split: str
    n_requests: int
    n_dropped: int
    quality: float
    quality_ci: Range
    usd_per_1k: float
    usd_per_1k_ci: Range
    latency_p50_s: float | None
    latency_p95_s: float | None
    escalation_rate: float
    model_share: Mapping[str, float]
    aiq: float
    aiq_zero_router: float
    gain_vs_zero_router: float
    gain_ci: Range
    baselines: tuple[Baseline, ...]
    interval_methods: Mapping[str, IntervalMethod] = {}
    baselines_left_out: Mapping[str, str] = {}
    aiq_ci: Range | None = None

    @property
    def best_router(self) -> Baseline | None:
        """The untuned router of most quality at the policy's cost; None in files of old.

        Its `quality_gain` is what the policy leads by. The best of several is found on these same
        rows, so that it looks a little better than it is.
        """
        routers = [it for it in self.baselines if it.name in (*ROUTERS, ZERO_ROUTER)]
        return max(routers, key=lambda it: it.quality, default=None)

    def alone(self, model: str) -> Baseline:
        """The baseline of a candidate by itself.

        Raises:
            KeyError: it is no candidate.
        """
        return {it.name: it for it in self.baselines}[f"fixed:{model}"]

    @property
    def refusal(self) -> str:
        """Why no verdict may rest on these intervals, in a sentence; "" where one may."""
        return next((it.refusal for it in self.interval_methods.values() if it.refusal), "")

    @property
    def cost_condition(self) -> str:
        """What the intervals in USD take for granted on so short a log, in a sentence; "" where
        nothing is."""
        made = self.interval_methods.get("usd_per_1k")
        return made.condition if made is not None else ""

    @property
    def intervals_made(self) -> list[str]:
        """How each interval was made and why, in a sentence each; empty in files of old."""
        return [
            f"interval of {_NAMES.get(name, name)}: {method}"
            for name, method in self.interval_methods.items()
        ]

    @property
    def single_model(self) -> bool:
        """Whether one model answered everything, so that nothing is left to chance."""
        return self.escalation_rate == 0 and max(self.model_share.values()) == 1.0


class JointFigures(NamedTuple):
    """Policies that are compared with each other.

    Attributes:
        figures: of each, with intervals of 95 % one at a time.
        gain_ci: of each, intervals of the gain that hold for all at once in 95 of 100 logs.
    """

    figures: list[Figures]
    gain_ci: list[Range]


class PolicyBehaviour(NamedTuple):
    """What a policy did; see `Figures`."""

    n_requests: int
    n_dropped: int
    latency_p50_s: float | None
    latency_p95_s: float | None
    escalation_rate: float
    model_share: Mapping[str, float]


def evaluate(comparison: ComparisonSet, policies: Sequence[NamedPolicy]) -> list[Figures]:
    """Figures of each policy with 95 % intervals; all share one set of paired resamples.

    >>> import routelab
    >>> from routelab.logs.model import split
    >>> from routelab.policies import Cascade
    >>> from routelab.replay import NamedPolicy, comparison_set, evaluate
    >>> log = routelab.read("datasets/sample.parquet")
    >>> comparison = comparison_set(
    ...     log, split(log, seed=0), "test", log.models, catalogue=log.catalogue, seed=0
    ... )
    >>> cascade = Cascade(("small-8b", "frontier"), (0.8,), "confidence")
    >>> (figures,) = evaluate(comparison, [NamedPolicy("mine", cascade)])
    >>> figures.n_requests, round(figures.quality, 3), round(figures.gain_vs_zero_router, 3)
    (795, 0.862, 0.022)
    >>> low, high = figures.gain_ci  # which includes 0: not shown to beat a mixture of models
    >>> f"{low:.3f} {high:.3f}"
    '-0.001 0.046'

    Args:
        comparison: the rows to compare on.
        policies: each with the name under which its figures are shown.
    Raises:
        UncoveredError: a policy asks for what the log cannot know.
        PolicyError: one has no name, or is no policy.
    """
    return _evaluated(comparison, policies)[0]


def evaluate_jointly(comparison: ComparisonSet, policies: Sequence[NamedPolicy]) -> JointFigures:
    """Figures of each policy, and intervals of their gains that hold for all of them at once.

    Args:
        comparison: the rows to compare on.
        policies: each with the name under which its figures are shown.
    Raises:
        UncoveredError, PolicyError: as `evaluate`.
    """
    found, measured = _evaluated(comparison, policies)
    return JointFigures(found, joint_gains(found, measured))


def evaluate_replay(comparison: ComparisonSet, name: str, replay: Replay) -> Figures:
    """Figures of what was replayed already, on these rows in their order.

    Args:
        comparison: the rows to compare on.
        name: in tables.
        replay: of all of them, by one policy or by several of which each had some.
    """
    return _of_replays(comparison, [name], [replay])[0][0]


def _evaluated(
    comparison: ComparisonSet, policies: Sequence[NamedPolicy]
) -> tuple[list[Figures], list[dict[str, Measure]]]:
    """Figures of each policy, and what they were made of, all in the same resamples."""
    if bare := [it for it in policies if isinstance(it, Policy)]:
        raise PolicyError(f"{bare[0]!r:.80} has no name: give NamedPolicy('mine', policy)")
    replays = [comparison.replay(named.policy) for named in policies]
    return _of_replays(comparison, [it.name for it in policies], replays)


def _of_replays(
    comparison: ComparisonSet, names: Sequence[str], replays: Sequence[Replay]
) -> tuple[list[Figures], list[dict[str, Measure]]]:
    fixed = comparison.fixed()
    outcomes = _shared(comparison, fixed)
    slopes: dict[_Key, float] = {}
    for index, replay in enumerate(replays):
        own, bought = _own(comparison, fixed, index, replay)
        outcomes |= own
        slopes |= bought
    measured = measure(comparison, outcomes)
    alone: list[_Key] = [(_ALL, f"fixed:{name}") for name in comparison.models]
    for (index, key), slope in slopes.items():
        policy = measured[index, SELF]
        router, models = measured[index, key], [measured[it] for it in alone]
        measured[index, key] = equal_cost.refitted(router, policy, slope, models)
    concerning = [_of(measured, index) for index in range(len(names))]
    found = [
        _figures(comparison, name, replay, mine)
        for name, replay, mine in zip(names, replays, concerning, strict=True)
    ]
    return found, concerning


def _shared(comparison: ComparisonSet, fixed: list[Replay]) -> dict[_Key, BaselineOutcome]:
    """Baselines that are the same for every policy."""
    found: dict[_Key, BaselineOutcome] = {
        (_ALL, f"fixed:{name}"): baselines.outcome(replay)
        for name, replay in zip(comparison.models, fixed, strict=True)
    }
    if comparison.log.seen is not None:  # what is best of a request, single scores do not tell
        return found
    return {**found, (_ALL, "oracle"): baselines.best_per_request(fixed)}


def _own(
    comparison: ComparisonSet, fixed: list[Replay], index: int, replay: Replay
) -> tuple[dict[_Key, BaselineOutcome], dict[_Key, float]]:
    """A policy's outcome and the baselines that spend as much, and what more cost buys each."""
    routers = equal_cost.routers(comparison, fixed, exact_mean(replay.cost_usd))
    outcomes = {name: it.outcome for name, it in routers.items()}
    found = {SELF: baselines.outcome(replay), **outcomes}
    return (
        {(index, key): value for key, value in found.items()},
        {(index, key): it.slope for key, it in routers.items()},
    )


def measure(comparison: ComparisonSet, outcomes: Mapping[_K, BaselineOutcome]) -> dict[_K, Measure]:
    """Means of some outcomes, all in the same resamples."""
    columns = np.column_stack([column for pair in outcomes.values() for column in pair])
    resamples = Resamples(comparison.groups, n_resamples=RESAMPLES, seed=comparison.seed)
    sums, length = _over_time(comparison, resamples.codes, resamples.sums(columns))
    samples, even = _resampled(comparison, resamples, sums), comparison.rest.even
    return {
        key: Measure(
            exact_mean(pair.quality),
            exact_mean(pair.cost_usd),
            samples[2 * i],
            samples[2 * i + 1],
            OutcomeSums(sums[2 * i], sums[2 * i + 1], sums[-1], length, even),
        )
        for i, (key, pair) in enumerate(outcomes.items())
    }


def _resampled(comparison: ComparisonSet, resamples: Resamples, sums: Floats) -> list[Floats]:
    """(B,) mean of each row of sums but the last in each resample, made once for these rows."""
    sized = blake2b(sums[-1])
    keys = []
    for row in sums[:-1]:
        key = sized.copy()
        key.update(row)
        keys.append(key.digest())
    known = comparison.resampled
    new = {key: at for at, key in enumerate(keys) if key not in known}
    if new:
        means = resamples.means_of(sums[[*new.values(), -1]])
        known.update(zip(new, means.T, strict=True))
    return [known[key] for key in keys]


def _over_time(comparison: ComparisonSet, codes: Ints | None, sums: Floats) -> tuple[Floats, int]:
    """Sums by group, or by block of time where neighbours in time are alike; groups in a block."""
    time = comparison.log.requests.timestamp_s
    if time is None or codes is None or np.isnan(time).any():
        return sums, 1
    first = np.full(sums.shape[1], np.inf)
    np.minimum.at(first, codes, time)
    order = np.argsort(first, kind="stable")
    outside = min(comparison.rest.alike, int(sums.shape[1] // FEWEST_GROUPS))
    length = max(block_length(sums[:-1, order], sums[-1, order]), outside)
    if length == 1:
        return sums, 1
    blocks = time_blocks(order, length)
    return np.array([np.bincount(blocks, weights=row) for row in sums]), length


def _of(measured: Mapping[_Key, Measure], index: int) -> dict[str, Measure]:
    """What concerns one policy."""
    return {key: value for (owner, key), value in measured.items() if owner in (_ALL, index)}


def _figures(
    comparison: ComparisonSet, name: str, replay: Replay, measured: Mapping[str, Measure]
) -> Figures:
    observed = replay.latency_s[~np.isnan(replay.latency_s)]
    shares = {m: float(np.mean(replay.answered == i)) for i, m in enumerate(comparison.models)}
    did = PolicyBehaviour(
        n_requests=len(replay),
        n_dropped=comparison.coverage.n_dropped,
        latency_p50_s=float(np.quantile(observed, 0.50)) if len(observed) else None,
        latency_p95_s=float(np.quantile(observed, 0.95)) if len(observed) else None,
        escalation_rate=float(np.mean(replay.calls > 1)),
        model_share=shares,
    )
    left_out = comparison.learned.left_out
    return figures(name, comparison.part, did, measured, left_out, comparison.rest)


def figures(
    name: str,
    part: str,
    did: PolicyBehaviour,
    measured: Mapping[str, Measure],
    left_out: Mapping[str, str] | None = None,
    rest: RestOfLog = NOTHING,
) -> Figures:
    """Figures of a policy from what it did and what it and its baselines come to.

    Args:
        measured: of `policy`, of `fixed:MODEL` for each candidate, and of other baselines.
        left_out: by name, why an untuned router is not among them.
        rest: of the log, besides the rows that were measured.
    """
    policy = measured[SELF]
    models = [measured[f"fixed:{model}"] for model in did.model_share]
    zero = zero_router(models, policy)
    among = figure_intervals.cost_range(models, did.n_requests, rest)
    single = any(figure_intervals.same(policy, model) for model in models)
    gain = figure_intervals.gain(policy, policy.quality - zero.quality, models, among)
    quality_ends = figure_intervals.quality(policy)
    cost_ends = figure_intervals.cost(policy, among, alone=single)
    cost = np.array([model.cost_usd for model in models])
    quality = np.array([model.quality for model in models])
    others = {key: value for key, value in measured.items() if key != SELF}
    area = aiq_among(cost, quality, policy.cost_usd, policy.quality)
    as_baseline = _baseline(ZERO_ROUTER, zero, policy, among)
    return Figures(
        policy=name,
        split=part,
        quality=policy.quality,
        quality_ci=quality_ends.ends,
        usd_per_1k=1000 * policy.cost_usd,
        usd_per_1k_ci=cost_ends.ends,
        aiq=area,
        aiq_zero_router=aiq_among(cost, quality),
        gain_vs_zero_router=policy.quality - zero.quality,
        gain_ci=gain.ends,
        baselines=(
            *(_baseline(key, value, policy, among) for key, value in others.items()),
            structs.replace(as_baseline, quality_gain_ci=gain.ends),
        ),
        interval_methods=figure_intervals.methods(
            policy, {"quality": quality_ends, "usd_per_1k": cost_ends, "gain": gain}
        ),
        baselines_left_out=left_out or {},
        aiq_ci=figure_intervals.aiq(policy, models, area),
        **did._asdict(),
    )


def joint_gains(found: Sequence[Figures], measured: Sequence[Mapping[str, Measure]]) -> list[Range]:
    """Intervals of the gains of several policies that hold for all of them at once.

    Args:
        found: their figures on the same rows.
        measured: of each what `figures` was given, all in the same resamples.
    """
    gains = []
    for it, mine in zip(found, measured, strict=True):
        zero = zero_router([mine[f"fixed:{model}"] for model in it.model_share], mine[SELF])
        gains.append(mine[SELF].qualities - zero.qualities)
    factor = joint_widening(np.column_stack(gains)) if len(gains) > 1 else 1.0
    return [moved_out(it.gain_vs_zero_router, it.gain_ci, factor) for it in found]


def zero_router(models: Sequence[Measure], policy: Measure) -> Measure:
    """The candidates' hull at the policy's cost, refitted in every resample."""
    quality = zero_router_at(
        np.array([[model.cost_usd for model in models]]),
        np.array([[model.quality for model in models]]),
        np.array([policy.cost_usd]),
    )
    qualities = zero_router_at(
        np.column_stack([model.costs_usd for model in models]),
        np.column_stack([model.qualities for model in models]),
        policy.costs_usd,
    )
    return Measure(float(quality[0]), policy.cost_usd, qualities, policy.costs_usd, policy.sums)


def _baseline(
    name: str, it: Measure, policy: Measure, among: figure_intervals.CostRange
) -> Baseline:
    share = figure_intervals.saving_share(policy, it, among)
    alone = name.startswith("fixed:")
    return Baseline(
        name=name,
        quality=it.quality,
        quality_ci=figure_intervals.quality(it).ends,
        usd_per_1k=1000 * it.cost_usd,
        usd_per_1k_ci=figure_intervals.cost(it, among, alone=alone).ends,
        quality_gain=policy.quality - it.quality,
        quality_gain_ci=figure_intervals.equal_cost_gain(policy, it, among).ends,
        saving_usd_per_1k=1000 * (it.cost_usd - policy.cost_usd),
        saving_usd_per_1k_ci=figure_intervals.saving(policy, it, among).ends,
        saving_share=None if share is None else 1.0 - policy.cost_usd / it.cost_usd,
        saving_share_ci=share,
    )
