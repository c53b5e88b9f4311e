"""What it takes to read another project's published layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from routelab.logs.formats import TableSource


class ImportedRows(NamedTuple):
    """A published layout as rows in wide form, one per request (see `routelab.logs.columns.wide`).

    Attributes:
        notes: what the layout lacks and what was left out, in sentences.
    """

    source: TableSource
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Importer:
    """One project's layout.

    Attributes:
        name: of the project, on the command line.
        summary: what is read, in a line.
        layout: what PATH is.
        example: a PATH.
        read: (PATH, whether to estimate tokens that were not recorded) to its rows; raises
            LogError with everything that is wrong.
    """

    name: str
    summary: str
    layout: str
    example: str
    read: Callable[[Path, bool], ImportedRows]
