"""What separates the fields of a CSV file."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from routelab.logs.formats.bounds import bounded_lines

COMMA = ","
_OTHERS = (";", "\t")


def csv_header(path: Path) -> tuple[list[str], str]:
    """Column names of a CSV file, none if it is empty, and the delimiter.

    It is the comma, unless the header is a single field with commas and several with another.
    """
    csv.field_size_limit(sys.maxsize)
    _check_length(path)
    names = _names(path, COMMA)
    if len(names) == 1:
        for other in _OTHERS:
            if len(split := _names(path, other)) > 1:
                return split, other
    return names, COMMA


def _check_length(path: Path) -> None:
    """Refuse a header that no row is as long as, before it is taken apart.

    Raises:
        LogError: it is.
    """
    with path.open("rb") as file:
        for _, line in bounded_lines(file, path):
            if line.strip():
                return


def _names(path: Path, delimiter: str) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file, delimiter=delimiter), [])
