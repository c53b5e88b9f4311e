"""Arrival times of a trace: when requests came, whatever they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from routelab.core import Floats
from routelab.errors import LogError
from routelab.logs.columns import listed_names
from routelab.logs.formats import arrow
from routelab.logs.reader import open_source

_SECONDS, _TIME = "arrival_s", "timestamp"


def arrival_trace(path: Path, name: str = "") -> Floats:
    """(k,) seconds in the order of the file, from whatever zero the file has.

    Args:
        path: of a Parquet, CSV or JSON Lines file with a column `arrival_s` (seconds) or
            `timestamp` (a time).
        name: only rows whose `task` or `dataset` is this; empty for all.
    Raises:
        LogError: the file cannot be read, has neither column, no such rows, or a time is missing.
    """
    source = open_source(path)
    column = next((it for it in (_SECONDS, _TIME) if it in source.names), None)
    if column is None:
        raise LogError(
            f"{path.name}: no column {_SECONDS!r} or {_TIME!r}; it has {listed_names(source.names)}"
        )
    labels = [it for it in ("dataset", "task") if it in source.names]
    table = source.read([column, *labels])
    if name:
        table = table.filter(_named(path, table, labels, name))
    given = table.column(column)
    values, bad = arrow.numbers(given) if column == _SECONDS else arrow.seconds(given, 1.0)
    wrong = np.flatnonzero(bad | ~np.isfinite(values))
    if len(wrong):
        raise LogError(f"{path.name}: row {int(wrong[0]) + 1} of those selected has no {column}")
    return values


def _named(path: Path, table: Any, labels: Sequence[str], name: str) -> Any:
    chosen = pa.array(np.zeros(len(table), dtype=np.bool_))
    known: set[str] = set()
    for label in labels:
        known |= {str(it) for it in pc.unique(table.column(label)).to_pylist()}
        equal = pc.fill_null(pc.equal(table.column(label), name), fill_value=False)
        chosen = pc.or_(chosen, equal.combine_chunks())
    if not pc.any(chosen).as_py():
        raise LogError(
            f"{path.name}: no row has task or dataset {name!r}; there are"
            f" {', '.join(sorted(known)) or 'no such columns'}"
        )
    return chosen
