"""A plain table as Parquet or CSV, for tables that are no log."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from routelab.core.storage import replacing
from routelab.errors import LogError


def parquet_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Aligned columns as a Parquet file; the same columns give the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def csv_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Aligned columns as a CSV file in UTF-8; numbers to the last digit, lists as JSON."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(
            json.dumps(it, ensure_ascii=False) if isinstance(it, list) else it for it in row
        )
    return sink.getvalue().encode("utf-8", "surrogatepass")


_TABLES = {".parquet": parquet_bytes, ".csv": csv_bytes}


def check_table_path(path: Path, *, replace: bool = False) -> None:
    """Refuse a place that a table cannot go to.

    Raises:
        LogError: its suffix is neither .parquet nor .csv, or something is there that is not to be
            replaced.
    """
    if path.suffix.lower() not in _TABLES:
        raise LogError(f"{path}: end the name in {' or '.join(_TABLES)}, as the table is written")
    if path.is_dir():
        raise LogError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not replace:
        raise LogError(f"{path}: is there already; choose another name, or `replace=True`")


def write_table(path: Path, columns: Mapping[str, Sequence[Any]], *, replace: bool = False) -> None:
    """Write aligned columns as Parquet or CSV, by the suffix; all of it or nothing.

    Args:
        path: of the file; its suffix says the format.
        columns: by name, equally long.
        replace: a file that is there.
    Raises:
        LogError: as `check_table_path`, or it cannot be written.
    """
    check_table_path(path, replace=replace)
    content = _TABLES[path.suffix.lower()](columns)
    try:
        with replacing(path) as fresh:
            fresh.write_bytes(content)
    except OSError as error:
        raise LogError(f"{path}: cannot be written: {error.strerror}") from error


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
