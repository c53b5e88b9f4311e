"""Logs in CSV. Every value is read as text, so that an id of digits stays one."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc_csv

from routelab.core.storage import limits, raised
from routelab.errors import LogError
from routelab.logs.formats import lines
from routelab.logs.formats.bounds import check_columns
from routelab.logs.formats.delimiter import COMMA, csv_header
from routelab.logs.formats.source import TableSource
from routelab.logs.model import SHOWN, Problems

_BLOCK = 8 << 20
"""Bytes read at once; a row must fit into one block, so the longest row is tried after."""


def open_csv(path: Path) -> TableSource:
    """A CSV file with a header, UTF-8, fields quoted by `"` where needed.

    Fields separated by semicolons or tabs are read too, with a note.

    Raises:
        LogError: not UTF-8, or a row with more or fewer fields than the header.
    """
    try:
        names, delimiter = csv_header(path)
        _refuse(path, names)
        table = _read(path, names, delimiter)
    except UnicodeDecodeError:
        _not_utf8(path)
        raise
    except pa.ArrowInvalid as error:
        _not_utf8(path)
        raise LogError(f"{path.name}: not valid CSV: {str(error).splitlines()[0]}") from error
    return TableSource(
        path,
        table,
        untyped=frozenset(names),
        notes=_notes(delimiter),
        lines=partial(_lines, path, delimiter),
    )


def _lines(path: Path, delimiter: str) -> Any:
    """The line of the file on which each row starts; a function of its own, so that it pickles."""
    return lines.of_csv(path, delimiter)[1:]


def _notes(delimiter: str) -> tuple[str, ...]:
    if delimiter == COMMA:
        return ()
    return (f"the fields are separated by {delimiter!r} and not by ',', and are read so",)


def _refuse(path: Path, names: list[str]) -> None:
    if not names:
        raise LogError(f"{path.name}: the file is empty; a CSV log starts with its column names")
    check_columns(names, path)
    twins = sorted(name for name, times in Counter(names).items() if times > 1)
    if twins:
        raise LogError(*(f"{path.name}: the column {name!r} is there twice" for name in twins))


def _read(path: Path, names: list[str], delimiter: str) -> Any:
    most = max(_BLOCK, limits().line_bytes)
    for block in (_BLOCK, most):
        bad: list[Any] = []
        try:
            table = _parse(path, names, delimiter, block, bad, threads=True)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            if block < most:
                continue
            raise LogError(
                f"{path.name}: a row is longer than {most:,} bytes, maybe because a quote is never"
                f" closed; {raised('line_bytes')}"
            ) from error
        if bad:
            _ragged(path, names, delimiter, block)
        return table
    raise AssertionError  # the last block size returns or raises


def _parse(
    path: Path, names: list[str], delimiter: str, block: int, bad: list[Any], *, threads: bool
) -> Any:
    def note(row: Any) -> str:
        bad.append(row)
        return "skip"

    return pc_csv.read_csv(
        path,
        read_options=pc_csv.ReadOptions(use_threads=threads, block_size=block),
        parse_options=pc_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=pc_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string())),
    )


def _ragged(path: Path, names: list[str], delimiter: str, block: int) -> None:
    """Only one thread knows the numbers of the rows."""
    rows: list[Any] = []
    _parse(path, names, delimiter, block, rows, threads=False)
    problems, begins = Problems(path.name), lines.of_csv(path, delimiter)
    problems.some(
        [
            f"line {begins[row.number - 1]}: {row.actual_columns} fields where the header has"
            f" {row.expected_columns}; quote fields that contain {delimiter!r}"
            for row in rows[:SHOWN]
        ],
        len(rows),
    )
    problems.stop()


def _not_utf8(path: Path) -> None:
    problems, total = Problems(path.name), 0
    examples: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                total += 1
                examples += [not_utf8(number, line, error)][: SHOWN - len(examples)]
    problems.some(examples, total)
    problems.stop()


def not_utf8(number: int, line: bytes, error: UnicodeDecodeError) -> str:
    """What is wrong with a line that is not UTF-8."""
    return f"line {number}: byte 0x{line[error.start]:02x} is not UTF-8; save the file as UTF-8"
