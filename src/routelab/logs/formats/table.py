"""A plain table as Parquet, for tables that are no log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from routelab.errors import LogError


def parquet_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Aligned columns as a Parquet file; the same columns give the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def table_columns(path: Path, names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of a plain table, by name.

    Raises:
        LogError: the file is no Parquet file, or lacks one of the columns.
    """
    try:
        table = pq.read_table(path, columns=list(names))
        return {name: table[name].to_pylist() for name in names}
    except (OSError, KeyError, pa.ArrowException) as error:
        raise LogError(f"{path}: cannot be read as a table of {', '.join(names)}") from error
