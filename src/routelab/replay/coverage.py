"""Which rows of a log can compare policies: those that hold every candidate's outcome.

A row whose outcomes are there, but not what it costs to obtain a confidence signal with
them, is left out too: a cascade's cost on it is not known.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.errors import LogError
from routelab.logs.model import Log

WARN, REFUSE = 0.02, 0.20
"""Shares of dropped rows in [0, 1]: a warning is due above the first, an error above the second."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Rows that can be compared, and those that cannot.

    Attributes:
        rows: (n,) complete for every candidate; of a log with audit flags, the audited ones.
        n_dropped: rows of the population that are not complete.
        by_task: dropped rows by task, most first; empty where the log has no tasks.
        unpriced: how many were dropped for want of a signal's cost alone, by cost column.
    """

    rows: Ints
    n_dropped: int
    by_task: Mapping[str, int]
    unpriced: Mapping[str, int] = field(default_factory=dict)

    @property
    def share_dropped(self) -> float:
        """Of the population (audited rows where flagged)."""
        return self.n_dropped / max(1, self.n_dropped + len(self.rows))

    def warning(self) -> str | None:
        """A sentence when more than 2 % of the rows were dropped."""
        if self.share_dropped <= WARN:
            return None
        listed = ", ".join(f"{task} {n}" for task, n in list(self.by_task.items())[:5])
        return (
            f"{self.n_dropped} rows ({self.share_dropped:.1%}) lack an outcome of a candidate"
            f"{_or_prices(self.unpriced)} and were dropped"
            f"{f' (most in {listed})' if listed else ''}: figures hold for the rest"
        )


def coverage(
    log: Log,
    candidates: Sequence[str],
    rows: Ints,
    *,
    signals: Sequence[str] = (),
    allow_missing: bool = False,
) -> Coverage:
    """Find the comparable ones among `rows`.

    Args:
        candidates: models whose outcome and cost must all be there.
        rows: (k,) of the log to look at.
        signals: whose cost must be known with every outcome of a candidate that gives them.
        allow_missing: accept that over 20 % are dropped.
    Raises:
        LogError: none is comparable, or over 20 % are dropped without `allow_missing`.
    """
    result = comparable(log, candidates, rows, signals)
    if not len(result.rows):
        raise LogError(
            f"{log.name}: no overlap: none of {len(rows)} rows has an outcome of every candidate"
            f" and its cost ({_lacking(log, candidates, rows, result)}); choose models that were"
            f" run on the same requests{', or fill in that column' if result.unpriced else ''}"
        )
    if result.share_dropped > REFUSE and not allow_missing:
        raise LogError(
            f"{log.name}: {result.warning()}; over {REFUSE:.0%} is refused: choose other models,"
            " or pass `allow_missing=True` if rows are missing by chance"
        )
    return result


def comparable(
    log: Log, candidates: Sequence[str], rows: Ints, signals: Sequence[str] = ()
) -> Coverage:
    """The comparable ones among `rows`, however few."""
    columns = [log.column(name) for name in candidates]
    audit = log.requests.audit
    population = rows if audit is None else rows[audit[rows]]
    observed = _observed(log, columns)[population].all(axis=1)
    kept, unpriced = observed.copy(), {}
    for signal in signals:
        priced = _priced(log, columns, signal)[population]
        if missing := int((observed & ~priced).sum()):
            unpriced[_cost_column(log, signal)] = missing
        kept &= priced
    dropped = population[~kept]
    return Coverage(population[kept], len(dropped), _tasks(log, dropped), unpriced)


def _observed(log: Log, columns: Sequence[int]) -> Bools:
    """(n, candidates) whether quality and cost are there."""
    return np.asarray(~(np.isnan(log.quality[:, columns]) | np.isnan(log.cost_usd[:, columns])))


def _priced(log: Log, columns: Sequence[int], signal: str) -> Bools:
    """(n,) whether the signal's cost is there for every candidate that gives the signal."""
    giving = [c for c in columns if not np.isnan(log.signals[signal][:, c]).all()]
    return np.asarray(~np.isnan(log.cost_with(signal, (slice(None), giving))).any(axis=1))


def _cost_column(log: Log, signal: str) -> str:
    return f"{log.spec(signal).extra_cost or 'extra cost'!r} of signal {signal!r}"


def _or_prices(unpriced: Mapping[str, int]) -> str:
    """What else rows lack, with their number; empty where signals' costs are there."""
    return "".join(f" or have no {column} ({n} of them)" for column, n in unpriced.items())


def _lacking(log: Log, candidates: Sequence[str], rows: Ints, found: Coverage) -> str:
    """What stands in the way of any comparison."""
    columns = [log.column(name) for name in candidates]
    missing = (~_observed(log, columns)[rows]).sum(axis=0)
    listed = [f"{name} lacks {n}" for name, n in zip(candidates, missing, strict=True) if n]
    listed += [f"{n} have no {column}" for column, n in found.unpriced.items()]
    return ", ".join(listed) if found.n_dropped else "no row is audited"


def _tasks(log: Log, rows: Ints) -> Mapping[str, int]:
    if log.requests.task is None:
        return {}
    return dict(Counter(str(task) for task in log.requests.task[rows]).most_common())


DEAREST = 100
"""Of the dearest requests, those that are kept."""


class RestOfLog(NamedTuple):
    """Requests of a log outside a comparison set, which say how dear the next one may be.

    Attributes:
        requests: how many have a cost of every candidate.
        least, most: (k,) USD, of the dearest of them with the cheapest and the dearest candidate;
            at most `DEAREST`, dearest first.
        even: groups of equal size that would weigh as evenly as those of the whole log, in
            proportion to the rows that are compared; infinite where a hash did not part them.
        alike: how many in a row are alike, as `block_length` has it; 1 where none are, or nobody
            looked.
    """

    requests: int = 0
    least: Floats = np.empty(0)
    most: Floats = np.empty(0)
    even: float = math.inf
    alike: int = 1


NOTHING = RestOfLog()
"""Of a log that is compared as a whole."""


def rest_of_log(cost_usd: Floats, rows: Ints) -> RestOfLog:
    """What is outside some rows.

    Args:
        cost_usd: (N, m) USD of each request of a log with each candidate; NaN where unknown.
        rows: (n,) that are compared.
    """
    outside = np.ones(len(cost_usd), dtype=np.bool_)
    outside[rows] = False
    known = cost_usd[outside]
    known = known[np.isfinite(known).all(axis=1)]
    if not known.size:
        return NOTHING
    most = known.max(axis=1)
    dearest = np.argsort(-most, kind="stable")[:DEAREST]
    return RestOfLog(len(known), known[dearest].min(axis=1), most[dearest])
