"""Outcomes that are missing, and not by chance: what that may do to a mean."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
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
    names = log.models if models is None else tuple(models)
    audit = log.requests.audit
    rows = np.arange(len(log)) if audit is None else np.flatnonzero(audit)
    quality = log.quality[rows][:, [log.column(name) for name in names]]
    missing = np.isnan(quality)
    if not missing.any() or not len(rows):
        return [], False
    level = CHANCE / (2 * len(names) + 1)
    task = None if log.requests.task is None else log.requests.task[rows].astype(str)
    found = [
        _of_model(name, quality, at, task, level)
        for at, name in enumerate(names)
        if missing[:, at].any()
    ]
    counts = missing.sum(axis=0)
    table = np.stack([counts, len(rows) - counts])
    uneven = bool(np.ptp(counts) >= _GAP * len(rows) and independence(table) < level)
    return found, uneven


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


def _of_model(
    name: str, quality: Floats, at: int, task: np.ndarray | None, level: float
) -> MissingOutcomes:
    own = quality[:, at]
    gone: Bools = np.isnan(own)
    n, there = len(own), own[~gone]
    total = math.fsum(there)
    return MissingOutcomes(
        model=name,
        missing=int(gone.sum()),
        requests=n,
        by_task={} if task is None else _by_task(gone, task, level),
        ease=_ease(np.delete(quality, at, axis=1), gone, level),
        quality=total / len(there) if len(there) else None,
        bounds=(total / n, (total + int(gone.sum())) / n),
        reweighted=None if task is None else reweighted(there, task[~gone], task),
    )


def reweighted(quality: Floats, task: np.ndarray, wanted: np.ndarray) -> float | None:
    """Mean quality with every task as frequent as it is wanted; None where one has no quality.

    Args:
        quality: (k,) observed.
        task: (k,) names of their tasks.
        wanted: (n,) tasks in the mix that is wanted.
    """
    mix = Counter(wanted.tolist())
    means = {name: quality[task == name] for name in mix}
    if any(not len(values) for values in means.values()):
        return None
    return math.fsum(times * float(means[name].mean()) for name, times in mix.items()) / len(wanted)


def _by_task(gone: Bools, task: np.ndarray, level: float) -> dict[str, float]:
    """Shares missing by task, where they differ by more than chance; else nothing."""
    names, at = np.unique(task, return_inverse=True)
    rows, missing = np.bincount(at), np.bincount(at, weights=gone)
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
    return dict(zip(names[large].tolist(), shares.tolist(), strict=True))


def _ease(others: Floats, gone: Bools, level: float) -> tuple[float, float] | None:
    """Mean quality of other models without and with this one's outcome, where they differ."""
    count = np.isfinite(others).sum(axis=1)
    seen: Ints = np.flatnonzero(count)
    if not len(seen):
        return None
    ease, missing = np.nansum(others[seen], axis=1) / count[seen], gone[seen]
    one, other = ease[missing], ease[~missing]
    if min(len(one), len(other)) < _FEW:
        return None
    apart = float(one.mean() - other.mean())
    error = math.sqrt(float(one.var()) / len(one) + float(other.var()) / len(other))
    certain = math.erfc(abs(apart) / (error * math.sqrt(2.0))) < level if error else apart != 0.0
    return (float(one.mean()), float(other.mean())) if certain and abs(apart) >= _EASE else None
