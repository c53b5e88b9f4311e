"""What a reader of a log should know, although it could be read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from routelab.core.messages import foreign
from routelab.logs.columns import names
from routelab.logs.columns.frame import UNNAMED
from routelab.logs.columns.names import ColumnNames
from routelab.logs.columns.rows import LogRows
from routelab.logs.model import Log, PartialLog

_SLOW_S = 120.0


def ignored(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns that hold some numbers, or are named as if they did, and are no signals."""
    return tuple(
        f"column {name!r} has the name of a signal and holds words or lists, where a signal has"
        " numbers, on many rows or all: it cannot be one"
        for name in columns
    )


def sessions(names: ColumnNames) -> tuple[str, ...]:
    """That rows of a session stay together, where nothing else says what does."""
    session = names.of.get("session_id")
    if session is None or names.of.get("group") != session:
        return ()
    return (
        f"rows of one {foreign(session)} are kept together in splits (the group is the session);"
        " another `group` changes that",
    )


def uncosted(log: Log | PartialLog) -> tuple[str, ...]:
    """Models without any cost."""
    without = [name for name in log.models if name not in (*log.costed, UNNAMED)]
    if not without:
        return ()
    return (
        f"no cost of {', '.join(without)}: neither logged nor derivable from prices; give"
        " a cost_usd column, or `prices='FILE.csv'` with prices of tokens (of the columns"
        " prompt_tokens and completion_tokens) or of calls (usd_per_request)",
    )


def ungraded(
    log: Log | PartialLog, columns: Collection[str], there: Sequence[str]
) -> tuple[str, ...]:
    """What a log lacks before anything can be tuned on it, and what to do next.

    Args:
        log: that was read.
        columns: our names of those that were found.
        there: the file's columns.
    """
    found, nothing = [], bool((np.isnan(log.quality) | log.error).all())
    if log.models == (UNNAMED,):
        found.append(
            "no model column: say which one names the model that answered,"
            " `columns={'model': 'COLUMN'}`; without one nothing can be routed"
            f"{names.GRADES_HINT}"
        )
    elif len(log.models) == 1:
        found.append(
            f"only {foreign(log.models[0])} answered; next, have the same requests answered by the"
            " models that could take its place"
        )
    if bool(log.error.all()) and "quality" in columns:
        pass  # it was graded, and what failed is noted already
    elif nothing and "step" not in columns:
        likely = [foreign(name) for name in names.grades(there)]
        which = f" (by name it may be {', '.join(likely)})" if likely else ""
        column = likely[0] if len(likely) == 1 else "COLUMN"
        found.append(
            "no quality: nobody graded these answers, so nothing can be tuned. Next, put a grade"
            " in [0, 1] beside each answer in a column quality, or say which column holds"
            f" it{which}: `columns={{'quality': {column!r}}}`"
        )
    elif (worth := np.unique(log.quality[~np.isnan(log.quality)])).size == 1:
        found.append(
            f"every answer has quality {worth[0]:g}: no router can be told from another by it;"
            " check which column holds quality"
        )
    return tuple(found)


def slow(rows: LogRows, of: ColumnNames) -> tuple[str, ...]:
    """Latencies that look like milliseconds in a column that was mapped as seconds."""
    theirs, seen = of.of.get("latency_s", ""), rows.values["latency_s"]
    seen = seen[~np.isnan(seen)]
    if "ms" not in theirs.lower() or "latency_s" in of.milliseconds or not len(seen):
        return ()
    theirs, median = foreign(theirs), float(np.median(seen))
    if median <= _SLOW_S:
        return ()
    return (
        f"the median of column {theirs!r} is {median:,.0f} seconds; if it holds milliseconds,"
        f" read it as `columns={ {'latency_ms': theirs} }`",
    )
