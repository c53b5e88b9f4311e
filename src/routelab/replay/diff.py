"""What changes when one policy takes another's place, request by request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from routelab.core import Bools
from routelab.logs.model import Log
from routelab.policy_file import PolicyFile
from routelab.replay import baselines, figure_intervals
from routelab.replay.breakdown import FEWEST, CellChange, cell_changes
from routelab.replay.common_rows import CommonRows, common_rows
from routelab.replay.compare import gains_apart
from routelab.replay.evaluate import Figures, NamedPolicy, Range, evaluate, measure
from routelab.replay.result import Replay
from routelab.replay.settings import ChangedSetting, settings

EXAMPLES = 10
"""Changed requests that are shown."""


class Change(msgspec.Struct, frozen=True):
    """NEW minus OLD on the same requests, with its paired 95 % interval.

    Attributes:
        value: units of quality, or USD per 1,000 requests.
        ci: low and high end.
        joint_ci: where this is one of many, the interval that holds together with all of theirs in
            95 of 100 logs; None where it is alone, or has too few groups for one.
    """

    value: float
    ci: Range
    joint_ci: Range | None = None


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


class TaskChange(msgspec.Struct, frozen=True):
    """The requests of one task.

    Attributes:
        changed: share that another model answers.
        quality, usd_per_1k: change.
    """

    task: str
    n_requests: int
    changed: float
    quality: Change
    usd_per_1k: Change

    @property
    def moved(self) -> bool:
        """Whether anything changed."""
        return any((self.changed, self.quality.value, self.usd_per_1k.value))


class Example(msgspec.Struct, frozen=True):
    """One changed request."""

    id: str
    task: str
    old: str
    new: str
    quality: float
    cost_usd: float


class PolicyDifference(msgspec.Struct, frozen=True):
    """What a reviewer needs to approve a change of policy.

    Attributes:
        part: of the log; n_requests: compared.
        old_digest, new_digest: SHA-256 of each `policy.json`.
        settings: what is set otherwise.
        old, new: figures of both on the same requests.
        changed: share of requests that another model answers.
        rebilled: share answered by the same model after other calls, or at another cost.
        quality, usd_per_1k, gain: NEW minus OLD; the gain is over the zero router, each at its
            own cost.
        latency_p95_s: change in seconds; None where it was not observed.
        moves: requests by the models that answered them before and after.
        tasks: of five requests or more, those first that move the whole most; empty where the
            log has no tasks.
        small_tasks, small_requests: tasks of fewer requests, and the requests in them.
        examples: of changed requests, the largest losses first, then the largest gains; none of a
            partial log, whose scores of single requests mean nothing.
        notes: what the comparison means, where that is not plain.
    """

    part: str
    n_requests: int
    settings: tuple[ChangedSetting, ...]
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
    tasks: tuple[TaskChange, ...]
    examples: tuple[Example, ...]
    notes: tuple[str, ...]
    small_tasks: int = 0
    small_requests: int = 0


class ProvedChanges(msgspec.Struct, frozen=True):
    """Tasks that changed beyond chance, all tasks taken together."""

    worse: tuple[str, ...]
    better: tuple[str, ...]
    dearer: tuple[str, ...]
    cheaper: tuple[str, ...]


def proved_changes(tasks: Sequence[TaskChange]) -> ProvedChanges:
    """Which tasks changed beyond chance, in quality or in cost; no name is wrong in 95 of 100."""

    quality = [(it.task, it.quality) for it in tasks]
    cost = [(it.task, it.usd_per_1k) for it in tasks]

    def named(changes: Sequence[tuple[str, Change]], sign: int) -> tuple[str, ...]:
        return tuple(
            task
            for task, it in changes
            if it.joint_ci is not None and min(sign * end for end in it.joint_ci) > 0
        )

    return ProvedChanges(
        worse=named(quality, -1),
        better=named(quality, 1),
        dearer=named(cost, 1),
        cheaper=named(cost, -1),
    )


def diff(
    old: PolicyFile, new: PolicyFile, log: Log, part: str = "test", *, allow_missing: bool = False
) -> PolicyDifference:
    """Compare two policies on the same requests of a log.

    Args:
        part: see `routelab.replay.common_rows.common_rows`, whose errors are raised.
    """
    on = common_rows(old, new, log, part, allow_missing=allow_missing)
    before, after = on.old.replay(old.policy), on.new.replay(new.policy)
    figures = [
        evaluate(comparison, [NamedPolicy(it.name, it.policy)])[0]
        for comparison, it in ((on.old, old), (on.new, new))
    ]
    quality, cost = _changes(on, before, after)
    moved = before.answered != after.answered
    tasks, small = _tasks(on, before, after, moved)
    same = ~moved & ((before.calls != after.calls) | (before.cost_usd != after.cost_usd))
    return PolicyDifference(
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
        tuple(tasks),
        () if on.new.log.seen else tuple(_examples(on.new.log, before, after, moved)),
        on.notes,
        len(small),
        sum(small),
    )


def _changes(on: CommonRows, before: Replay, after: Replay) -> tuple[Change, Change]:
    """Of mean quality, and of USD per 1,000 requests."""
    pair = {"old": baselines.outcome(before), "new": baselines.outcome(after)}
    measured = measure(on.new, pair)
    one, other = measured["new"], measured["old"]
    return (
        Change(one.quality - other.quality, figure_intervals.quality_difference(one, other).ends),
        Change(1000 * (one.cost_usd - other.cost_usd), figure_intervals.saving(other, one).ends),
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


def _tasks(
    on: CommonRows, before: Replay, after: Replay, moved: Bools
) -> tuple[list[TaskChange], list[int]]:
    """Tasks that are judged, those first that move the whole most, and the sizes of the rest."""
    tasks = on.new.log.requests.task
    if tasks is None:
        return [], []
    names, codes = np.unique(tasks.astype(str), return_inverse=True)
    count = np.bincount(codes)
    share = np.bincount(codes, moved) / count
    large = np.flatnonzero(count >= FEWEST).tolist()
    found = [
        TaskChange(str(names[at]), int(count[at]), float(share[at]), _one(quality), _one(cost))
        for at, (quality, cost) in zip(
            large, cell_changes(on.new, before, after, codes, large), strict=True
        )
    ]
    found.sort(
        key=lambda it: (
            -it.n_requests * abs(it.quality.value),
            -it.n_requests * abs(it.usd_per_1k.value),
            it.task,
        )
    )
    return found, count[count < FEWEST].tolist()


def _one(it: CellChange) -> Change:
    return Change(it.value, it.ends, it.joint)


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
