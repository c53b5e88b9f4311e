"""A file of rows, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from routelab.core.table import Ints
from routelab.logs import arrow


class Source(Protocol):
    """Columns of a file, read when asked for."""

    @property
    def path(self) -> Path: ...

    @property
    def names(self) -> tuple[str, ...]:
        """Columns in the order of the file."""
        ...

    @property
    def n_rows(self) -> int: ...

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers (truth values are none)."""
        ...

    def read(self, names: Sequence[str]) -> Any:
        """An Arrow table of these columns."""
        ...

    def strings(self, name: str, rows: Ints) -> Iterator[tuple[Ints, list[str | None]]]:
        """Texts of one column in pieces.

        Args:
            rows: ascending and distinct.
        Yields:
            some of the rows, in order, and their texts.
        """
        ...

    def extras(self) -> dict[bytes, bytes]:
        """What the file says of itself beside its rows."""
        ...


@dataclass(frozen=True, eq=False)
class TableSource:
    """A file whose rows are held in memory.

    Attributes:
        untyped: every value was read as text, as from CSV.
    """

    path: Path
    table: Any
    untyped: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    @property
    def n_rows(self) -> int:
        return int(self.table.num_rows)

    def is_number(self, name: str) -> bool:
        column = self.table.column(name)
        if not self.untyped:
            return arrow.is_number(column.type)
        return not arrow.numbers(column)[1].any()

    def read(self, names: Sequence[str]) -> Any:
        return self.table.select(list(dict.fromkeys(names)))

    def strings(self, name: str, rows: Ints) -> Iterator[tuple[Ints, list[str | None]]]:
        column = self.table.column(name)
        for part in np.array_split(rows, len(rows) // 1024 + 1):
            yield part, arrow.as_text(column.take(pa.array(part))).to_pylist()

    def extras(self) -> dict[bytes, bytes]:
        return {}
