"""Outcomes that are missing, and not by chance: what that may do to a mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.messages import first, foreign
from routelab.logs.model import Log
from routelab.stats import independence

CHANCE = 0.001
"""Probability, over all tests of a log together, that missing by chance is called otherwise."""
_GAP, _EASE = 0.02, 0.05  # what a difference must come to, to matter
_ROWS = 25  # of a task that is looked at by itself
_FEW = 20  # outcomes on either side, for a difference of means


class MissingOutcomes(NamedTuple):
    """Outcomes of one model that are missing, and what its quality may be.

    Attributes:
        model: its name.
        missing, requests: how many outcomes are missing, of how many.
        by_task: share missing in [0, 1], by task, where it depends on the task; else empty.
        ease: mean quality of the other models on requests whose outcome is missing, and on the
            rest, where it depends on that; else None.
        quality: mean of what is there; None with nothing there.
        bounds: the mean if every missing outcome were 0, and if it were 1.
        reweighted: mean with every task as frequent as in the whole log; None without tasks, or
            where a task has no outcome.
    """

    model: str
    missing: int
    requests: int
    by_task: dict[str, float]
    ease: tuple[float, float] | None
    quality: float | None
    bounds: tuple[float, float]
    reweighted: float | None

    @property
    def share(self) -> float:
        """Missing outcomes, in [0, 1]."""
        return self.missing / max(1, self.requests)

    @property
    def by_chance(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.by_task and self.ease is None


@dataclass(frozen=True, eq=False)
class OutcomeCounts:
    """What a log's outcomes come to, as far as their lack is judged; counts of parts add up.

    Attributes:
        models: (m,) that were looked at.
        requests: of the log, the audited ones where some are marked.
        missing, total: (m,) outcomes that are missing, and sum of quality of the rest.
        by_task: by task, (1 + 2 m,) requests, missing outcomes and sums of quality; None where
            the log has no tasks.
        ease: (m, 2, 3) of the other models' mean quality on a request, without and with this
            one's outcome: requests, sum and sum of squares.
    """

    models: tuple[str, ...]
    requests: int
    missing: Ints
    total: Floats
    by_task: Mapping[str, Floats] | None
    ease: Floats

    def __add__(self, other: OutcomeCounts) -> OutcomeCounts:
        by_task = None
        if self.by_task is not None and other.by_task is not None:
            by_task = {**self.by_task}
            for name, counts in other.by_task.items():
                by_task[name] = by_task[name] + counts if name in by_task else counts
        return OutcomeCounts(
            self.models,
            self.requests + other.requests,
            self.missing + other.missing,
            self.total + other.total,
            by_task,
            self.ease + other.ease,
        )

    def judged(self) -> tuple[list[MissingOutcomes], bool]:
        """Models that lack outcomes, and whether how many depends on the model."""
        if not self.missing.any():
            return [], False
        level = CHANCE / (2 * len(self.models) + 1)
        found = [_of_model(self, at, level) for at in np.flatnonzero(self.missing).tolist()]
        table = np.stack([self.missing, self.requests - self.missing])
        apart = np.ptp(self.missing) >= _GAP * self.requests
        return found, bool(apart and independence(table) < level)


def outcome_counts(log: Log, models: Sequence[str] | None = None) -> OutcomeCounts:
    """The counts of one log, or of a part of one.

    Args:
        log: its audited requests where some are marked.
        models: to look at; None for all.
    """
    names = log.models if models is None else tuple(models)
    audit = log.requests.audit
    rows = np.arange(len(log)) if audit is None else np.flatnonzero(audit)
    quality = log.quality[rows][:, [log.column(name) for name in names]]
    gone = np.isnan(quality)
    there = np.where(gone, 0.0, quality)
    task = None if log.requests.task is None else log.requests.task[rows].astype(str)
    return OutcomeCounts(
        models=names,
        requests=len(rows),
        missing=gone.sum(axis=0),
        total=np.array([math.fsum(there[:, at]) for at in range(len(names))]),
        by_task=None if task is None else _task_counts(task, gone, there),
        ease=_ease_counts(gone, there),
    )


def _task_counts(task: np.ndarray, gone: Bools, there: Floats) -> dict[str, Floats]:
    names, at = np.unique(task, return_inverse=True)
    sums = [np.ones(len(task)), *gone.T.astype(np.float64), *there.T]
    counted = np.stack([np.bincount(at, it, minlength=len(names)) for it in sums], axis=1)
    return dict(zip(names.tolist(), counted, strict=True))


def _ease_counts(gone: Bools, there: Floats) -> Floats:
    """(m, 2, 3), as `OutcomeCounts.ease`."""
    m = gone.shape[1]
    found = np.zeros((m, 2, 3))
    seen, total = m - gone.sum(axis=1), there.sum(axis=1)
    for at in range(m):
        others = seen - ~gone[:, at]
        rows = np.flatnonzero(others)
        ease = (total[rows] - there[rows, at]) / others[rows]
        for side, mine in enumerate((gone[rows, at], ~gone[rows, at])):
            found[at, side] = mine.sum(), ease[mine].sum(), (ease[mine] ** 2).sum()
    return found


def missing_outcomes(
    log: Log, models: Sequence[str] | None = None
) -> tuple[list[MissingOutcomes], bool]:
    """Models that lack outcomes, and whether how many are missing depends on the model.

    Whether they are missing by task, by model or by how well other models did on the request is
    tested, with a probability of `CHANCE` of a false alarm over all of them.

    Args:
        log: its audited requests where some are marked.
        models: to look at; None for all.
    Source: Pearson's test of independence; bounds as in Manski 1989, "Anatomy of the selection
        problem".
    """
    return outcome_counts(log, models).judged()


def missing_sentences(
    found: Sequence[MissingOutcomes], uneven: bool, most: int = 3
) -> Iterator[str]:
    """What a reader must know of outcomes that are not missing by chance, in sentences.

    Args:
        found, uneven: as `missing_outcomes` gives them.
        most: models that get a sentence of their own, those that lack most first.
    """
    worst = sorted(found, key=lambda it: -it.missing)
    telling = [it for it in worst if uneven or not it.by_chance]
    for it in telling[:most]:
        told = f"{it.missing:,} of {it.requests:,} outcomes of {foreign(it.model)} are missing"
        yield f"{told}{_where(it)}: {_range(it)}"
    if rest := telling[most:]:
        names = first([foreign(it.model) for it in rest], 5)
        yield f"outcomes of {names} are missing too, and not by chance"


def _where(it: MissingOutcomes) -> str:
    said = []
    worst = sorted(it.by_task.items(), key=lambda one: (-one[1], one[0]))
    if more := [f"{foreign(task)} ({share:.0%})" for task, share in worst if share > it.share]:
        said.append(f", most in the tasks {first(more, 3)}")
    if it.ease is not None:
        gone, there = it.ease
        kind = "harder" if gone < there else "easier"
        said.append(
            f", {'and' if said else 'most'} where requests are {kind} (the other models reach"
            f" {gone:.2f} there and {there:.2f} elsewhere)"
        )
    return "".join(said) or ", more or less often than of other models"


def _range(it: MissingOutcomes) -> str:
    low, high = it.bounds
    if it.quality is None:
        return "nothing is known of its quality"
    again = "" if it.reweighted is None else f", {it.reweighted:.3f} with the log's mix of tasks"
    return (
        f"its quality is {it.quality:.3f} on the rest{again}, and between {low:.3f} and"
        f" {high:.3f} whatever is missing"
    )


def _of_model(counts: OutcomeCounts, at: int, level: float) -> MissingOutcomes:
    n, m, gone = counts.requests, len(counts.models), int(counts.missing[at])
    there, total = n - gone, float(counts.total[at])
    tasks = counts.by_task
    of_tasks = {} if tasks is None else {name: it[[0, 1 + at]] for name, it in tasks.items()}
    again = None
    if tasks is not None:
        sums = {name: (it[0] - it[1 + at], it[1 + m + at]) for name, it in tasks.items()}
        again = mixed_mean(sums, {name: it[0] for name, it in tasks.items()})
    return MissingOutcomes(
        model=counts.models[at],
        missing=gone,
        requests=n,
        by_task=_by_task(of_tasks, level),
        ease=_ease(counts.ease[at], level),
        quality=total / there if there else None,
        bounds=(total / n, (total + gone) / n),
        reweighted=again,
    )


def mixed_mean(
    sums: Mapping[str, tuple[float, float]], wanted: Mapping[str, float]
) -> float | None:
    """Mean with every task as frequent as it is wanted; None where one of them has no value.

    Args:
        sums: by task, how many values there are, and their sum.
        wanted: by task, how frequent it is to be.
    """
    if any(not sums.get(name, (0.0, 0.0))[0] for name in wanted):
        return None
    means = {name: sums[name][1] / sums[name][0] for name in wanted}
    total = math.fsum(times * means[name] for name, times in wanted.items())
    return float(total / math.fsum(wanted.values()))


def _by_task(counts: Mapping[str, Floats], level: float) -> dict[str, float]:
    """Shares missing by task, where they differ by more than chance; else nothing.

    Args:
        counts: by task, (2,) requests and missing outcomes.
    """
    names = sorted(counts)
    if len(names) < 2:
        return {}
    rows, missing = np.stack([counts[name] for name in names], axis=1)
    large = rows >= _ROWS
    table = np.array([missing[large], (rows - missing)[large]])
    if not large.all():  # small tasks together
        rest = [missing[~large].sum(), (rows - missing)[~large].sum()]
        table = np.column_stack([table, rest])
    if table.shape[1] < 2 or independence(table) >= level:
        return {}
    shares = missing[large] / rows[large]
    if not large.any() or np.ptp(shares) < _GAP:
        return {}
    told = [name for name, it in zip(names, large.tolist(), strict=True) if it]
    return dict(zip(told, shares.tolist(), strict=True))


def _ease(counts: Floats, level: float) -> tuple[float, float] | None:
    """Mean quality of other models without and with this one's outcome, where they differ.

    Args:
        counts: (2, 3) requests without and with it, sums of quality, and sums of squares.
    """
    n, total, squares = counts.T
    if n.min() < _FEW:
        return None
    one, other = (total / n).tolist()
    spread = np.maximum(0.0, squares / n - (total / n) ** 2)
    apart, error = one - other, math.sqrt(float((spread / n).sum()))
    certain = math.erfc(abs(apart) / (error * math.sqrt(2.0))) < level if error else apart != 0.0
    return (one, other) if certain and abs(apart) >= _EASE else None
