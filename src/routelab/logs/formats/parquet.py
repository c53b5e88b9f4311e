"""Logs in Parquet: columns are read one by one, texts never before they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from routelab.core import Ints
from routelab.errors import LogError
from routelab.logs.formats import arrow
from routelab.logs.formats.bounds import check_parquet

_SAMPLE = 1024
"""Values of a column of text that tell whether it holds numbers."""


@dataclass(frozen=True, eq=False)
class ParquetSource:
    """A Parquet file, open only while something is read from it."""

    path: Path
    metadata: Any
    schema: Any

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.schema.names)

    @property
    def n_rows(self) -> int:
        return int(self.metadata.num_rows)

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def line(self, row: int) -> int | None:
        return None

    def part(self, row: int) -> tuple[str, int] | None:
        return None

    def number_share(self, name: str) -> float:
        kind = self.schema.field(name).type
        if arrow.is_number(kind):
            return 1.0
        return arrow.number_share(self._sample(name)) if arrow.is_worded(kind) else 0.0

    def _sample(self, name: str) -> Any:
        """Some values of a column, from the first rows that have one; never all of a long text."""
        found = []
        with readable(self.path), self._open() as file:
            groups = range(0, file.num_row_groups, max(1, file.num_row_groups // 8))
            for batch in file.iter_batches(_SAMPLE, row_groups=list(groups), columns=[name]):
                found.append(batch.column(0))
                if sum(len(it) - it.null_count for it in found) >= _SAMPLE:
                    break
        return pa.chunked_array(found, type=self.schema.field(name).type)

    def read(self, names: Sequence[str]) -> Any:
        names = list(dict.fromkeys(names))
        texts = [name for name in names if _plain_text(self.schema.field(name).type)]
        with readable(self.path), self._open(texts) as file:
            return file.read(columns=names).select(names)

    def strings(self, name: str, rows: Ints) -> Iterator[tuple[Ints, list[str | None]]]:
        with readable(self.path), self._open() as file:
            for group, first in enumerate(self._group_starts()):
                last = first + self.metadata.row_group(group).num_rows
                wanted = rows[np.searchsorted(rows, first) : np.searchsorted(rows, last)]
                if len(wanted):
                    yield from _from_group(file, group, name, wanted - first, first)

    def extras(self) -> dict[bytes, bytes]:
        return dict(self.metadata.metadata or {})

    def _open(self, texts: Sequence[str] = ()) -> Any:
        # A dictionary per text column makes repeated ids cheap; no buffering ahead keeps
        # a row group of long prompts from being in memory at once.
        return pq.ParquetFile(
            self.path, metadata=self.metadata, read_dictionary=texts, buffer_size=1 << 20
        )

    def _group_starts(self) -> list[int]:
        sizes = [self.metadata.row_group(g).num_rows for g in range(self.metadata.num_row_groups)]
        return [sum(sizes[:group]) for group in range(len(sizes))]


def open_parquet(path: Path) -> ParquetSource:
    """A Parquet file.

    Raises:
        LogError: it is none, or it is cut short.
    """
    with readable(path), pq.ParquetFile(path) as file:
        check_parquet(file.metadata, path)
        return ParquetSource(path, file.metadata, file.schema_arrow)


def _plain_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _taken(column: Any, rows: Ints) -> Any:
    """Some values of a column; of a view or a dictionary too."""
    try:
        return column.take(pa.array(rows))
    except pa.ArrowNotImplementedError:
        return arrow.plain(column).take(pa.array(rows))


def _from_group(
    file: Any, group: int, name: str, wanted: Ints, first: int
) -> Iterator[tuple[Ints, list[str | None]]]:
    start = 0
    for batch in file.iter_batches(1024, row_groups=[group], columns=[name]):
        stop = start + len(batch)
        here = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, stop)]
        if len(here):
            column = arrow.as_text(_taken(batch.column(0), here - start))
            yield here + first, column.to_pylist()
        start = stop
        if stop > wanted[-1]:
            return


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Reading a Parquet file; what Arrow complains of becomes a LogError that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(". ")
        raise LogError(
            f"{path.name}: cannot be read as Parquet: {reason};"
            " the file may be cut short or of another format: copy or write it again"
        ) from error
