"""What a reader of a log should know, although it could be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core.messages import foreign
from routelab.logs.columns.names import ColumnNames
from routelab.logs.columns.rows import LogRows
from routelab.logs.model import Log, PartialLog

_SLOW_S = 120.0


def ignored(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns that hold some numbers, or are named as if they did, and are no signals."""
    return tuple(
        f"column {name!r} holds words or lists where a signal has numbers, on many rows or all: it"
        " is not taken as a signal"
        for name in columns
    )


def uncosted(log: Log | PartialLog) -> tuple[str, ...]:
    """Models without any cost."""
    without = [name for name in log.models if name not in log.costed]
    if not without:
        return ()
    return (
        f"no cost of {', '.join(without)}: neither logged nor derivable from tokens and prices;"
        " give a cost_usd column, or prompt_tokens and completion_tokens with"
        " `prices='FILE.csv'`",
    )


def slow(rows: LogRows, names: ColumnNames) -> tuple[str, ...]:
    """Latencies that look like milliseconds in a column that was mapped as seconds."""
    theirs, seen = names.of.get("latency_s", ""), rows.values["latency_s"]
    seen = seen[~np.isnan(seen)]
    if "ms" not in theirs.lower() or "latency_s" in names.milliseconds or not len(seen):
        return ()
    theirs, median = foreign(theirs), float(np.median(seen))
    if median <= _SLOW_S:
        return ()
    return (
        f"the median of column {theirs!r} is {median:,.0f} seconds; if it holds milliseconds,"
        f" read it as `columns={ {'latency_ms': theirs} }`",
    )
