"""Passes over one part of a log: a sample to choose thresholds from, and statistics of a grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from routelab.core import Floats
from routelab.errors import LogError
from routelab.replay.cells import Spec, Tally
from routelab.replay.coverage import Coverage
from routelab.replay.partitions.cut import mixed
from routelab.replay.partitions.rows import PartitionPart, batches

Sums: TypeAlias = tuple[tuple[Floats, ...], ...]


class ThresholdSample(NamedTuple):
    """Some of the comparable requests, and sums over all of them.

    Attributes:
        requests: comparable ones; dropped: those that lack an outcome.
        by_task: dropped ones by task, under "" where the log has no tasks.
        cost_usd, quality: (m,) sums by candidate, in USD and quality.
        latency_s: (m,) sums of the seconds observed; observed: (m,) how often they were.
        confidence: by signal, (k, m) of the sampled requests.
        judged: (k, m) their quality; NaN where the call failed.
    """

    requests: int
    dropped: int
    by_task: Mapping[str, int]
    cost_usd: Floats
    quality: Floats
    latency_s: Floats
    observed: Floats
    confidence: Mapping[str, Floats]
    judged: Floats

    def coverage(self) -> Coverage:
        """As of a comparison, whose rows nobody lists."""
        return Coverage(np.empty(self.requests, dtype=np.int8), self.dropped, self.by_task)


def sample_file(job: tuple[PartitionPart, tuple[str, ...], float]) -> ThresholdSample:
    """One file's share of the sample.

    The job holds the signals and the share of requests to sample; who is drawn depends on a
    request's number in the log alone.
    """
    part, signals, share = job
    limit = np.uint64(min(int(share * 2.0**64), 2**64 - 1))
    m = len(part.candidates)
    cost, quality, latency, observed = np.zeros((4, m))
    requests, dropped, tasks = 0, 0, Counter[str]()
    drawn: dict[str, list[Floats]] = {name: [] for name in signals}
    graded: list[Floats] = []
    for batch in batches(part, also=("task",) if "task" in part.batches.has else ()):
        log = batch.log
        requests += len(log)
        dropped += batch.coverage.n_dropped
        tasks.update(batch.coverage.by_task)
        seen = ~np.isnan(log.latency_s)
        cost += log.cost_usd.sum(axis=0)
        quality += log.quality.sum(axis=0)
        latency += np.where(seen, log.latency_s, 0.0).sum(axis=0)
        observed += seen.sum(axis=0)
        if len(log):
            first = int(batch.rows[0])
            words = mixed(part.start + first, int(batch.rows[-1]) - first + 1)
            mine = words[batch.rows - first] <= limit
            for name in signals:
                drawn[name].append(log.signals[name][mine])
            graded.append(np.where(log.error[mine], np.nan, log.quality[mine]))
    empty = np.empty((0, m))
    found = {name: np.concatenate([empty, *values]) for name, values in drawn.items()}
    return ThresholdSample(
        requests=requests,
        dropped=dropped,
        by_task=dict(tasks),
        cost_usd=cost,
        quality=quality,
        latency_s=latency,
        observed=observed,
        confidence=found,
        judged=np.concatenate([empty, *graded]),
    )


def merged_sample(
    found: Sequence[ThresholdSample], candidates: Sequence[str], name: str
) -> ThresholdSample:
    """The samples of all files, in order.

    Args:
        found: one for each file.
        candidates: models, for the error.
        name: of the log, for the error.
    Raises:
        LogError: no request is comparable.
    """
    requests = sum(it.requests for it in found)
    if not requests:
        raise LogError(
            f"{name}: no overlap: no request of the tune part has an outcome of each of"
            f" {', '.join(candidates)} and its cost; choose models that were run on the same"
            " requests"
        )
    return ThresholdSample(
        requests=requests,
        dropped=sum(it.dropped for it in found),
        by_task=_counted(it.by_task for it in found),
        cost_usd=np.sum([it.cost_usd for it in found], axis=0),
        quality=np.sum([it.quality for it in found], axis=0),
        latency_s=np.sum([it.latency_s for it in found], axis=0),
        observed=np.sum([it.observed for it in found], axis=0),
        confidence={
            name: np.concatenate([it.confidence[name] for it in found])
            for name in found[0].confidence
        },
        judged=np.concatenate([it.judged for it in found]),
    )


def _counted(found: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for counts in found:
        total.update(counts)
    return dict(total.most_common())


def tally_file(job: tuple[PartitionPart, tuple[Spec, ...]]) -> tuple[Sums, ...]:
    """The kernel over one file's share of a part: `Stats.calls` for each spec."""
    part, specs = job
    tallies = [Tally(spec) for spec in specs]
    for batch in batches(part):
        for one in tallies:
            one.add(batch.log)
    return tuple(one.stats().calls for one in tallies)
