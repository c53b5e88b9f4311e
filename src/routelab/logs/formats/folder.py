"""A log in many Parquet files: a folder of them, or those that a pattern matches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from routelab.core import Ints
from routelab.errors import LogError
from routelab.logs.formats import arrow
from routelab.logs.formats.parquet import ParquetSource, open_parquet
from routelab.logs.model import files


@dataclass(frozen=True, eq=False)
class FolderSource:
    """Parquet files of one schema, as one file whose rows follow each other.

    Attributes:
        path: of the folder, or the pattern.
        parts: files with rows, in the order of their names.
        empty: names of files without rows.
    """

    path: Path
    parts: tuple[ParquetSource, ...]
    empty: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.parts[0].names

    @property
    def n_rows(self) -> int:
        return int(self._starts[-1])

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.empty:
            return ()
        return (f"no rows in {', '.join(self.empty)}, which is left out",)

    def line(self, row: int) -> int | None:
        return None

    def part(self, row: int) -> tuple[str, int] | None:
        at = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self.parts[at].path.name, row - int(self._starts[at])

    def number_share(self, name: str) -> float:
        if arrow.is_number(self.types[name]):
            return 1.0
        kept = (part for part in self.parts if not pa.types.is_null(part.schema.field(name).type))
        return next(kept, self.parts[0]).number_share(name)

    def read(self, names: Sequence[str]) -> Any:
        names = list(dict.fromkeys(names))
        tables = [part.read(names) for part in self.parts]
        wanted = pa.schema([(name, self._read_as(name, tables)) for name in names])
        return pa.concat_tables([table.cast(wanted) for table in tables])

    def strings(self, name: str, rows: Ints) -> Iterator[tuple[Ints, list[str | None]]]:
        for part, first, last in zip(self.parts, self._starts, self._starts[1:], strict=False):
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, last)]
            if len(here):
                for some, texts in part.strings(name, here - first):
                    yield some + first, texts

    def extras(self) -> dict[bytes, bytes]:
        return self.parts[0].extras()

    @cached_property
    def types(self) -> dict[str, Any]:
        """Arrow type of each column; that of a file where it is not all null, if there is one."""
        return {name: _type(name, self.parts) for name in self.names}

    def _read_as(self, name: str, tables: Sequence[Any]) -> Any:
        """Texts are read with a dictionary, which a column without any value does not have."""
        kinds = [table.schema.field(name).type for table in tables]
        return next((kind for kind in kinds if not pa.types.is_null(kind)), kinds[0])

    @cached_property
    def _starts(self) -> Ints:
        """(parts + 1,) number of the first row of each file, and of all rows."""
        return np.cumsum([0, *(part.n_rows for part in self.parts)])


def open_folder(path: Path) -> FolderSource:
    """A log in many files.

    Raises:
        LogError: files that cannot be read or differ in their columns, all of them by name; or
            there is no row at all.
    """
    problems: list[str] = []
    sources: list[ParquetSource] = []
    for file in files(path):
        try:
            sources.append(open_parquet(file))
        except LogError as error:
            problems += error.problems
    parts = tuple(it for it in sources if it.n_rows)
    for part in parts[1:]:
        problems += _differences(parts[0], part, parts)
    if problems:
        raise LogError(*problems)
    if not parts:
        raise LogError(f"{path}: no rows in any of {len(sources)} files")
    return FolderSource(path, parts, tuple(it.path.name for it in sources if not it.n_rows))


def _differences(
    first: ParquetSource, part: ParquetSource, parts: Sequence[ParquetSource]
) -> Iterator[str]:
    """What keeps a file from being part of the same log."""
    mine, its = set(first.names), set(part.names)
    if missing := sorted(mine - its):
        yield f"{part.path.name}: lacks {', '.join(missing)}, which {first.path.name} has"
    if more := sorted(its - mine):
        yield f"{part.path.name}: has {', '.join(more)}, which {first.path.name} lacks"
    for name in first.names:
        if name not in its:
            continue
        kind, expected = part.schema.field(name).type, _type(name, parts)
        nested = arrow.is_nested(kind) and arrow.is_nested(expected)  # read as JSON, row by row
        if kind != expected and not nested and not pa.types.is_null(kind):
            owner = next(it for it in parts if it.schema.field(name).type == expected)
            yield (
                f"{part.path.name}: column {name!r} is {kind}, and {expected} in"
                f" {owner.path.name}; write all files with one schema"
            )


def _type(name: str, parts: Sequence[ParquetSource]) -> Any:
    kinds = [part.schema.field(name).type for part in parts if name in part.names]
    return next((kind for kind in kinds if not pa.types.is_null(kind)), kinds[0])
