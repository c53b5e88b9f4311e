"""A file of rows, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from routelab.core import Ints
from routelab.logs.formats import arrow


class RowSource(Protocol):
    """Columns of a file, read when asked for."""

    @property
    def path(self) -> Path: ...

    @property
    def names(self) -> tuple[str, ...]:
        """Columns in the order of the file."""
        ...

    @property
    def n_rows(self) -> int: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unusual about the file, in sentences."""
        ...

    def line(self, row: int) -> int | None:
        """Line of a text file, from 1, on which a row begins."""
        ...

    def part(self, row: int) -> tuple[str, int] | None:
        """Which of several files a row stands in, and as which of its rows; None for one file."""
        ...

    def number_share(self, name: str) -> float:
        """Share of a column's values that are numbers, as far as a look at some tells."""
        ...

    def read(self, names: Sequence[str]) -> Any:
        """An Arrow table of these columns."""
        ...

    def strings(self, name: str, rows: Ints) -> Iterator[tuple[Ints, list[str | None]]]:
        """Texts of one column in pieces.

        Args:
            name: of the column.
            rows: (k,) ascending and distinct.
        Yields:
            (p,) some of the rows, in order, and their p texts; None for null.
        """
        ...

    def extras(self) -> dict[bytes, bytes]:
        """What the file says of itself beside its rows."""
        ...


@dataclass(frozen=True, eq=False)
class TableSource:
    """A file whose rows are held in memory.

    Attributes:
        untyped: columns that were read as text, whatever they hold.
        lines: gives the lines on which the rows begin, for a file that has lines.
    """

    path: Path
    table: Any
    untyped: Collection[str] = ()
    notes: tuple[str, ...] = ()
    lines: Callable[[], Sequence[int]] = tuple

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    @property
    def n_rows(self) -> int:
        return int(self.table.num_rows)

    def line(self, row: int) -> int | None:
        return self._lines[row] if len(self._lines) == self.n_rows else None

    @cached_property
    def _lines(self) -> Sequence[int]:
        return self.lines()

    def part(self, row: int) -> tuple[str, int] | None:
        return None

    def number_share(self, name: str) -> float:
        return arrow.number_share(self.table.column(name))

    def read(self, names: Sequence[str]) -> Any:
        return self.table.select(list(dict.fromkeys(names)))

    def strings(self, name: str, rows: Ints) -> Iterator[tuple[Ints, list[str | None]]]:
        column = arrow.plain(self.table.column(name))
        for part in np.array_split(rows, len(rows) // 1024 + 1):
            yield part, arrow.as_text(_some(column, part)).to_pylist()

    def extras(self) -> dict[bytes, bytes]:
        return {}


def _some(column: Any, rows: Ints) -> Any:
    """Values of a column at some rows, ascending; neighbours are not copied."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return column.slice(int(rows[0]), len(rows))
    return column.take(pa.array(rows))


@dataclass(frozen=True, eq=False)
class WithoutColumns:
    """A file of rows as if it lacked some of its columns.

    Attributes:
        whole: the file.
        without: names of the columns.
    """

    whole: RowSource
    without: frozenset[str]

    @property
    def path(self) -> Path:
        return self.whole.path

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self.whole.names if name not in self.without)

    @property
    def n_rows(self) -> int:
        return self.whole.n_rows

    @property
    def notes(self) -> tuple[str, ...]:
        return self.whole.notes

    def line(self, row: int) -> int | None:
        return self.whole.line(row)

    def part(self, row: int) -> tuple[str, int] | None:
        return self.whole.part(row)

    def number_share(self, name: str) -> float:
        return self.whole.number_share(name)

    def read(self, names: Sequence[str]) -> Any:
        return self.whole.read(names)

    def strings(self, name: str, rows: Ints) -> Iterator[tuple[Ints, list[str | None]]]:
        return self.whole.strings(name, rows)

    def extras(self) -> dict[bytes, bytes]:
        return self.whole.extras()
