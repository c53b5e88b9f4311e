"""What policies come to on one part of a log, with sums by bucket for paired intervals.

Every batch is replayed as `routelab.replay` replays a log in memory. What remains of it are
sums over buckets of groups, and resampling buckets stands for resampling groups: a bucket holds
whole groups, so it is a larger group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from routelab.core import CallEstimate, Floats, Ints, Policy
from routelab.core.catalogue import Catalogue
from routelab.logs.model import Strings
from routelab.replay.baselines import BaselineOutcome, best_per_request, outcome
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.coverage import Coverage
from routelab.replay.evaluate import RESAMPLES, PolicyBehaviour
from routelab.replay.measure import Measure, OutcomeSums
from routelab.replay.partitions.cut import BUCKETS
from routelab.replay.partitions.rows import Batch, PartitionPart, batches
from routelab.replay.result import Replay
from routelab.stats import Resamples

_DECADE = 1000
_TICKS = 1e-4, 12 * _DECADE
"""Latencies are counted in steps of a thousandth of a decade (0.23 %), from 0.1 ms on."""


@dataclass(frozen=True)
class MomentsQuery:
    """Policies to replay, and where.

    Attributes:
        policies: at most a hundred or so.
        catalogue: of capabilities, which rule models out.
        seed: of the policies' random draws.
        estimates: of calls, for requests with a budget or a deadline.
        candidates: whether to replay each candidate alone, and the oracle, too.
        by_task: whether to add up what the first policy delivers by task.
    """

    policies: tuple[Policy, ...]
    catalogue: Catalogue
    seed: int
    estimates: Mapping[str, CallEstimate] = field(default_factory=dict)
    candidates: bool = True
    by_task: bool = False


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over requests; they add over files.

    Attributes:
        quality, cost_usd: (outcomes, BUCKETS): the policies, then the candidates and the oracle.
        requests: (BUCKETS,).
        dropped, by_task: what was left out.
        escalated: (policies,) requests with more than one call.
        answered: (policies, m) requests by the model whose answer was delivered.
        latency: (policies, steps) requests by latency; without those whose is not known.
        task_quality: by task, requests and what the first policy delivers; empty unless asked for.
    """

    quality: Floats
    cost_usd: Floats
    requests: Floats
    dropped: int
    by_task: Mapping[str, int]
    escalated: Ints
    answered: Ints
    latency: Ints
    task_quality: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.quality + other.quality,
            self.cost_usd + other.cost_usd,
            self.requests + other.requests,
            self.dropped + other.dropped,
            dict((Counter(self.by_task) + Counter(other.by_task)).most_common()),
            self.escalated + other.escalated,
            self.answered + other.answered,
            self.latency + other.latency,
            _merged(self.task_quality, other.task_quality),
        )

    @property
    def n(self) -> int:
        """Requests that were compared."""
        return int(self.requests.sum())

    def coverage(self) -> Coverage:
        """As of a comparison, whose rows nobody lists."""
        return Coverage(np.empty(self.n, dtype=np.int8), self.dropped, self.by_task)

    def measures(self, seed: int) -> list[Measure]:
        """Means of every outcome, all in the same resamples of buckets."""
        sums = np.concatenate([self.quality, self.cost_usd, self.requests[None]])
        samples = Resamples(n_resamples=RESAMPLES, seed=seed).means_of(sums)
        means = sums[:-1].sum(axis=1) / self.n
        k = len(self.quality)
        return [
            Measure(
                float(means[i]),
                float(means[k + i]),
                samples[:, i],
                samples[:, k + i],
                OutcomeSums(self.quality[i], self.cost_usd[i], self.requests),
            )
            for i in range(k)
        ]

    def did(self, policy: int, models: Sequence[str]) -> PolicyBehaviour:
        """What one of the policies did."""
        return PolicyBehaviour(
            n_requests=self.n,
            n_dropped=self.dropped,
            latency_p50_s=_quantile(self.latency[policy], 0.50),
            latency_p95_s=_quantile(self.latency[policy], 0.95),
            escalation_rate=float(self.escalated[policy] / self.n),
            model_share={
                name: float(self.answered[policy, at] / self.n) for at, name in enumerate(models)
            },
        )


def moments(job: tuple[PartitionPart, MomentsQuery]) -> Moments:
    """Replay one file's share of a part."""
    part, asked = job
    k, m = len(asked.policies), len(part.candidates)
    outcomes = k + (m + 1 if asked.candidates else 0)
    found = Moments(
        quality=np.zeros((outcomes, BUCKETS)),
        cost_usd=np.zeros((outcomes, BUCKETS)),
        requests=np.zeros(BUCKETS),
        dropped=0,
        by_task={},
        escalated=np.zeros(k, dtype=np.int64),
        answered=np.zeros((k, m), dtype=np.int64),
        latency=np.zeros((k, _TICKS[1]), dtype=np.int64),
    )
    dropped, tasks = 0, Counter[str]()
    of_tasks: Mapping[str, tuple[int, float]] = {}
    also = ("request_id", "task", "tenant", "priority")
    for batch in batches(part, also=[name for name in also if name in part.batches.has]):
        dropped += batch.coverage.n_dropped
        tasks.update(batch.coverage.by_task)
        if len(batch.log):
            first = _add(found, batch, part, asked)
            task = batch.log.requests.task
            if asked.by_task and first is not None and task is not None:
                of_tasks = _merged(of_tasks, _task_sums(task, first.quality))
    left = {"dropped": dropped, "by_task": dict(tasks), "task_quality": of_tasks}
    return Moments(**{**vars(found), **left})


def _task_sums(task: Strings, quality: Floats) -> dict[str, tuple[int, float]]:
    names, at = np.unique(task.astype(str), return_inverse=True)
    sums = zip(np.bincount(at).tolist(), np.bincount(at, quality).tolist(), strict=True)
    return dict(zip(names.tolist(), sums, strict=True))


def _merged(
    one: Mapping[str, tuple[int, float]], other: Mapping[str, tuple[int, float]]
) -> dict[str, tuple[int, float]]:
    found = dict(one)
    for name, (n, total) in other.items():
        before = found.get(name, (0, 0.0))
        found[name] = (before[0] + n, before[1] + total)
    return found


def _add(found: Moments, batch: Batch, part: PartitionPart, asked: MomentsQuery) -> Replay | None:
    """Add a batch to the sums; what the first policy did on it is given back."""
    assert part.buckets is not None
    bucket = part.buckets[batch.rows]
    comparison = ComparisonSet(
        "",
        batch.log,
        bucket.astype(np.int64),
        batch.coverage,
        asked.catalogue,
        asked.seed,
        estimates=asked.estimates,
    )
    replays = [comparison.replay(policy) for policy in asked.policies]
    outcomes = [outcome(it) for it in replays]
    if asked.candidates:
        fixed = comparison.fixed()
        outcomes += [*map(outcome, fixed), best_per_request(fixed)]
    _sum(found, bucket, outcomes)
    for at, replay in enumerate(replays):
        _count(found, at, replay)
    return replays[0] if replays else None


def _sum(
    found: Moments, bucket: npt.NDArray[np.uint16], outcomes: Sequence[BaselineOutcome]
) -> None:
    found.requests[:] += np.bincount(bucket, minlength=BUCKETS)
    for at, one in enumerate(outcomes):
        found.quality[at] += np.bincount(bucket, one.quality, minlength=BUCKETS)
        found.cost_usd[at] += np.bincount(bucket, one.cost_usd, minlength=BUCKETS)


def _count(found: Moments, at: int, replay: Replay) -> None:
    found.escalated[at] += int((replay.calls > 1).sum())
    answered = replay.answered[replay.answered >= 0]
    found.answered[at] += np.bincount(answered, minlength=found.answered.shape[1])
    seen = replay.latency_s[~np.isnan(replay.latency_s)]
    step = np.log10(np.fmax(seen, _TICKS[0]) / _TICKS[0]) * _DECADE
    step = np.minimum(step.astype(np.int64), _TICKS[1] - 1)
    found.latency[at] += np.bincount(step, minlength=_TICKS[1])


def _quantile(counts: Ints, share: float) -> float | None:
    """The middle of the step in which a quantile lies; None without any latency."""
    n = int(counts.sum())
    if not n:
        return None
    step = int(np.searchsorted(np.cumsum(counts), share * (n - 1), side="right"))
    return float(_TICKS[0] * 10.0 ** ((step + 0.5) / _DECADE))
