"""How much a file of a log may hold: it comes from anywhere, and reading it ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from routelab.core.messages import shown
from routelab.core.storage import limits, raised
from routelab.errors import LogError

_DENSE = 16
"""Cells of a table for each value that its file holds, where those are many."""

_PACKED = 200
"""Bytes that one of a file may unpack to: text that repeats packs well, and no better."""


def bounded_lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers from 1.

    Args:
        file: opened for reading bytes.
        path: of it, for the error.
    Raises:
        LogError: a line is longer than any row.
    """
    most = limits().line_bytes
    if path.stat().st_size <= most:
        yield from enumerate(file, 1)
        return
    for number, line in enumerate(iter(partial(file.readline, most + 1), b""), 1):
        if len(line) > most:
            raise LogError(
                f"{path.name}: line {number} is longer than {most:,} bytes; {raised('line_bytes')}"
            )
        yield number, line


def check_columns(names: Collection[str], path: Path) -> None:
    """Refuse more columns than a log has.

    Raises:
        LogError: there are.
    """
    most = limits().columns
    if len(names) > most:
        raise LogError(
            f"{path.name}: {len(names):,} columns, more than {most:,}, the last of them"
            f" {shown([*names][-1])!r}; leave out those that no row needs, or {raised('columns')}"
        )


def check_sparse(n_rows: int, n_columns: int, n_values: int, path: Path) -> None:
    """Refuse rows of which each has names of its own, so that the table is empty but for few.

    Raises:
        LogError: they are.
    """
    cells, most = n_rows * n_columns, max(limits().cells, _DENSE * n_values)
    if cells > most:
        raise LogError(
            f"{path.name}: {n_rows:,} rows with {n_columns:,} names hold {n_values:,} values, so"
            f" that {cells:,} cells would be empty but for those; write names as values, or"
            f" {raised('cells')}"
        )


def deeper(value: Any, most: int) -> bool:
    """Whether lists and objects lie more than so deep in one another.

    Args:
        value: decoded JSON.
        most: levels.
    """
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            inner
            for it in level
            for inner in (it.values() if isinstance(it, dict) else it)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def deep(text: bytes, value: Any) -> str | None:
    """What is wrong with the depth of a value that was read of a text; None for nothing.

    Args:
        text: as it stands in the file.
        value: decoded.
    """
    most = limits().depth
    if text.count(b"[") + text.count(b"{") <= most or not isinstance(value, dict | list):
        return None
    if not deeper(value, most):
        return None
    return f"lists and objects lie more than {most} deep in one another; {raised('depth')}"


def check_parquet(metadata: Any, path: Path) -> None:
    """Refuse a file that unpacks to more than its bytes can mean.

    Args:
        metadata: of the Parquet file.
        path: of it.
    Raises:
        LogError: too many columns, or too much in them.
    """
    n_rows, n_columns = metadata.num_rows, metadata.num_columns
    if n_columns > (most := limits().columns):
        raise LogError(
            f"{path.name}: {n_columns:,} columns, more than {most:,}; {raised('columns')}"
        )
    groups = range(metadata.num_row_groups)
    unpacked = sum(metadata.row_group(at).total_byte_size for at in groups)
    size = max(unpacked, 8 * n_rows * n_columns)
    known = max(limits().unpacked_bytes, _PACKED * path.stat().st_size)
    if size > known or min(n_rows, unpacked) < 0:
        raise LogError(
            f"{path.name}: {n_rows:,} rows of {n_columns} columns unpack to {size:,} bytes, more"
            f" than the {known:,} that a file of this size can mean; {raised('unpacked_bytes')}"
        )


_UNREADABLE = (RecursionError, MemoryError, UnicodeError, OverflowError, pa.ArrowException)
"""What libraries raise of files that they cannot hold or make out."""


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Around what reads a file: whatever a library cannot make out becomes a LogError.

    Args:
        path: of the file.
    """
    try:
        yield
    except _UNREADABLE as error:
        why = (str(error).splitlines() or [""])[0]
        raise LogError(
            f"{shown(path.name)}: cannot be read ({type(error).__name__}: {shown(why, 160)}); it"
            " is damaged, or holds what no log does: write it again"
        ) from error
