"""What changes when one policy takes another's place, request by request."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from routelab.core.table import Bools, Floats, Ints
from routelab.logs.log import Log
from routelab.policy_file import PolicyFile
from routelab.replay import baselines
from routelab.replay.breakdown.clusters import standard_errors, student
from routelab.replay.compare import gains_apart
from routelab.replay.evaluate import Figures, Named, Range, evaluate, measure
from routelab.replay.result import Replay
from routelab.replay.settings import Setting, settings
from routelab.replay.shared import Shared, shared
from routelab.stats.bootstrap import interval

EXAMPLES = 10
"""Changed requests that are shown."""


class Change(msgspec.Struct, frozen=True):
    """NEW minus OLD on the same requests, with its paired 95 % interval."""

    value: float
    ci: Range


class Move(msgspec.Struct, frozen=True):
    """Requests that one model answered and another one answers; "" is no answer.

    Attributes:
        quality, usd_per_1k: mean change on these requests.
    """

    old: str
    new: str
    n_requests: int
    quality: float
    usd_per_1k: float


class OfTask(msgspec.Struct, frozen=True):
    """The requests of one task.

    Attributes:
        changed: share that another model answers.
        quality, usd_per_1k: change; intervals are NaN where all are of one group.
    """

    task: str
    n_requests: int
    changed: float
    quality: Change
    usd_per_1k: Change


class Example(msgspec.Struct, frozen=True):
    """One changed request."""

    id: str
    task: str
    old: str
    new: str
    quality: float
    cost_usd: float


class Difference(msgspec.Struct, frozen=True):
    """What a reviewer needs to approve a change of policy.

    Attributes:
        settings: what is set otherwise.
        old, new: figures of both on the same requests.
        changed: share of requests that another model answers.
        rebilled: share answered by the same model after other calls, or at another cost.
        quality, usd_per_1k, gain: NEW minus OLD; the gain is over the zero router, each at its
            own cost.
        latency_p95_s: change; None where it was not observed.
        tasks: largest loss first; empty where the log has no tasks.
        examples: of changed requests, the largest losses first, then the largest gains.
        notes: what the comparison means, where that is not plain.
    """

    part: str
    n_requests: int
    settings: tuple[Setting, ...]
    old: Figures
    new: Figures
    old_digest: str
    new_digest: str
    changed: float
    rebilled: float
    quality: Change
    usd_per_1k: Change
    gain: Change
    latency_p95_s: float | None
    moves: tuple[Move, ...]
    tasks: tuple[OfTask, ...]
    examples: tuple[Example, ...]
    notes: tuple[str, ...]


def diff(
    old: PolicyFile, new: PolicyFile, log: Log, part: str = "test", *, allow_missing: bool = False
) -> Difference:
    """Compare two policies on the same requests of a log.

    Args:
        part: see `routelab.replay.shared.shared`, whose errors are raised.
    """
    on = shared(old, new, log, part, allow_missing=allow_missing)
    before, after = on.old.replay(old.policy), on.new.replay(new.policy)
    figures = [
        evaluate(ground, [Named(it.name, it.policy)])[0]
        for ground, it in ((on.old, old), (on.new, new))
    ]
    quality, cost = _changes(on, before, after)
    moved = before.answered != after.answered
    same = ~moved & ((before.calls != after.calls) | (before.cost_usd != after.cost_usd))
    return Difference(
        part,
        len(after),
        settings(old.document, new.document),
        figures[0],
        figures[1],
        old.digest,
        new.digest,
        float(moved.mean()),
        float(same.mean()),
        quality,
        cost,
        Change(*gains_apart(on.new, after, before)),
        _later(figures[0].latency_p95_s, figures[1].latency_p95_s),
        tuple(_moves(before, after, moved)),
        tuple(_tasks(on, before, after, moved)),
        tuple(_examples(on.new.log, before, after, moved)),
        on.notes,
    )


def _changes(on: Shared, before: Replay, after: Replay) -> tuple[Change, Change]:
    """Of mean quality, and of USD per 1,000 requests."""
    pair = {"old": baselines.outcome(before), "new": baselines.outcome(after)}
    measured = measure(on.new, pair)
    one, other = measured["new"], measured["old"]
    usd = 1000 * (one.costs_usd - other.costs_usd)
    return (
        Change(one.quality - other.quality, interval(one.qualities - other.qualities)),
        Change(1000 * (one.cost_usd - other.cost_usd), interval(usd)),
    )


def _later(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else new - old


def _moves(before: Replay, after: Replay, moved: Bools) -> Iterator[Move]:
    """Who answers instead of whom, most requests first."""
    width = len(after.models) + 1
    pairs = (before.answered + 1) * width + after.answered + 1
    found, counts = np.unique(pairs[moved], return_counts=True)
    for pair in found[np.argsort(-counts, kind="stable")].tolist():
        rows = np.flatnonzero(moved & (pairs == pair))
        yield Move(
            _name(before, pair // width - 1),
            _name(after, pair % width - 1),
            len(rows),
            float((after.quality - before.quality)[rows].mean()),
            1000 * float((after.cost_usd - before.cost_usd)[rows].mean()),
        )


def _tasks(on: Shared, before: Replay, after: Replay, moved: Bools) -> list[OfTask]:
    tasks = on.new.log.requests.task
    if tasks is None:
        return []
    names, codes = np.unique(tasks.astype(str), return_inverse=True)
    count = np.bincount(codes)
    share = np.bincount(codes, moved) / count
    quality = _by_task(after.quality - before.quality, codes, on.new.groups)
    cost = _by_task(1000 * (after.cost_usd - before.cost_usd), codes, on.new.groups)
    found = [
        OfTask(str(name), int(count[i]), float(share[i]), quality[i], cost[i])
        for i, name in enumerate(names)
    ]
    return sorted(found, key=lambda it: (it.quality.value, -it.usd_per_1k.value, it.task))


def _by_task(values: Floats, codes: Ints, groups: Ints) -> list[Change]:
    """Mean of each task with its interval, by Student's t over groups."""
    mean = np.bincount(codes, values) / np.bincount(codes)
    error, n_groups = standard_errors(values, codes, len(mean), groups)
    reach = student(np.maximum(n_groups - 1, 1)) * error
    return [
        Change(float(middle), (float(middle - far), float(middle + far)))
        for middle, far in zip(mean, reach, strict=True)
    ]


def _examples(log: Log, before: Replay, after: Replay, moved: Bools) -> Iterator[Example]:
    """The largest losses, then the largest gains; of equals what costs more comes first."""
    rows = np.flatnonzero(moved)
    quality = after.quality - before.quality
    cost = after.cost_usd - before.cost_usd
    worst = rows[np.lexsort((-cost[rows], quality[rows]))]
    shown = [*worst[: EXAMPLES // 2], *worst[EXAMPLES // 2 :][-(EXAMPLES // 2) :][::-1]]
    tasks = log.requests.task
    for row in shown:
        yield Example(
            str(log.requests.id[row]),
            "" if tasks is None else str(tasks[row]),
            _name(before, int(before.answered[row])),
            _name(after, int(after.answered[row])),
            float(quality[row]),
            float(cost[row]),
        )


def _name(replay: Replay, column: int) -> str:
    return "" if column < 0 else replay.models[column]
