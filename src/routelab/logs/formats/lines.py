"""On which lines of a text file its rows begin: read only to point at a mistake."""

from __future__ import annotations

import csv
from pathlib import Path


def of_csv(path: Path, delimiter: str) -> list[int]:
    """Lines, from 1, of the header and of every row; a quoted field may span several."""
    found, begins = [], 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        for row in reader:
            if row:
                found.append(begins)
            begins = reader.line_num + 1
    return found


def of_jsonl(path: Path) -> list[int]:
    """Lines, from 1, of every row."""
    with path.open("rb") as file:
        return [number for number, line in enumerate(file, 1) if line.strip()]
