"""Which rows of a log can compare policies: those that hold every candidate's outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from routelab.core.table import Ints
from routelab.errors import LogError
from routelab.logs.log import Log

WARN, REFUSE = 0.02, 0.20
"""Shares of dropped rows that are warned about, and that are an error."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Rows that can be compared, and those that cannot.

    Attributes:
        rows: complete for every candidate; of a log with audit flags, the audited ones.
        n_dropped: rows of the population that are not complete.
        by_task: dropped rows by task, most first; empty where the log has no tasks.
    """

    rows: Ints
    n_dropped: int
    by_task: Mapping[str, int]

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
            f"{self.n_dropped} rows ({self.share_dropped:.1%}) lack an outcome of a candidate and"
            f" were dropped{f' (most in {listed})' if listed else ''}: figures hold for the rest"
        )


def coverage(
    log: Log, candidates: Sequence[str], rows: Ints, *, allow_missing: bool = False
) -> Coverage:
    """Find the comparable ones among `rows`.

    Raises:
        LogError: none is comparable, or over 20 % are dropped without `allow_missing`.
    """
    columns = [log.column(name) for name in candidates]
    seen = ~(np.isnan(log.quality[:, columns]) | np.isnan(log.cost_usd[:, columns]))[rows]
    audit = log.requests.audit
    population = np.ones(len(rows), dtype=np.bool_) if audit is None else audit[rows]
    complete = population & seen.all(axis=1)
    dropped = rows[population & ~complete]
    result = Coverage(rows[complete], len(dropped), _tasks(log, dropped))
    if not len(result.rows):
        missing = {name: int((~seen[:, i]).sum()) for i, name in enumerate(candidates)}
        listed = ", ".join(f"{name} lacks {n}" for name, n in missing.items() if n)
        raise LogError(
            f"{log.name}: no overlap: none of {len(rows)} rows has an outcome of every candidate"
            f" ({listed or 'no row is audited'}); choose models that were run on the same requests"
        )
    if result.share_dropped > REFUSE and not allow_missing:
        raise LogError(
            f"{log.name}: {result.warning()}; over {REFUSE:.0%} is refused: choose other models,"
            " or pass --allow-missing if rows are missing by chance"
        )
    return result


def _tasks(log: Log, rows: Ints) -> Mapping[str, int]:
    if log.requests.task is None:
        return {}
    return dict(Counter(str(task) for task in log.requests.task[rows]).most_common())
