"""Logs in JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from routelab.errors import LogError
from routelab.logs.formats import lines
from routelab.logs.formats.arrow_text import written
from routelab.logs.formats.bounds import bounded_lines, check_columns, check_sparse, deep
from routelab.logs.formats.csv import not_utf8
from routelab.logs.formats.source import TableSource
from routelab.logs.model import SHOWN, Problems

_CHUNK_BYTES = 32 << 20
_MIXED = pa.large_string()
"""Type of the text that a column of values of several types becomes."""
_decode = msgspec.json.Decoder().decode


def open_jsonl(path: Path) -> TableSource:
    """A JSON Lines file; blank lines are skipped, a field that a line lacks is null.

    Raises:
        LogError: lines that are not UTF-8, not JSON or no objects, with their numbers.
    """
    problems, bad = Problems(path.name), 0
    wrong: list[str] = []
    tables = []
    for rows, errors in _chunks(path):
        bad += len(errors)
        wrong += errors[: SHOWN - len(wrong)]
        tables.append(_table(rows, path))
    problems.some(wrong, bad)
    problems.stop()
    if not any(table.num_rows for table in tables):
        raise LogError(f"{path.name}: the file is empty; a JSON Lines log has an object per line")
    names = {name for table in tables for name in table.column_names}
    check_columns(names, path)
    n_rows = sum(table.num_rows for table in tables)
    held = sum(table.num_rows * table.num_columns for table in tables)
    check_sparse(n_rows, len(names), held, path)
    table = stacked_tables(tables)
    mixed = frozenset(field.name for field in table.schema if field.type == _MIXED)
    return TableSource(path, table, untyped=mixed, lines=partial(lines.of_jsonl, path))


def numbered_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file that `open_jsonl` can read, as written, with their lines from 1."""
    with path.open("rb") as file:
        for number, line in bounded_lines(file, path):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield number, _object(text, number)


def stacked_tables(tables: list[Any]) -> Any:
    """Tables one below the other; a column whose types do not agree becomes text."""
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    mixed = {name for name in names if not _agree(name, tables)}
    return pa.concat_tables(
        [_as_text(table, mixed) for table in tables], promote_options="permissive"
    )


def _agree(name: str, tables: list[Any]) -> bool:
    fields = [table.schema.field(name) for table in tables if name in table.column_names]
    try:
        pa.unify_schemas([pa.schema([it]) for it in fields], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return False
    return True


def _chunks(path: Path) -> Iterator[tuple[list[dict[str, Any]], list[str]]]:
    rows: list[dict[str, Any]] = []
    errors: list[str] = []
    size = 0
    with path.open("rb") as file:
        for number, line in bounded_lines(file, path):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                try:
                    rows.append(_object(text, number))
                except ValueError as error:
                    errors.append(str(error))
            size += len(line)
            if size >= _CHUNK_BYTES:
                yield rows, errors
                rows, errors, size = [], [], 0
    yield rows, errors


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        value = _decode(line)
    except UnicodeDecodeError:
        raise ValueError(_encoding(line, number)) from None
    except RecursionError:
        raise ValueError(f"line {number}: nested too deeply to be read") from None
    except msgspec.DecodeError as error:
        value = _lenient(line, number, error)
    if not isinstance(value, dict):
        raise ValueError(f"line {number}: {type(value).__name__} where an object is expected")
    if (problem := deep(line, value)) is not None:
        raise ValueError(f"line {number}: {problem}")
    return value


def _lenient(line: bytes, number: int, strict: Exception) -> Any:
    """Python writes NaN and Infinity, which JSON does not have."""
    try:
        value = json.loads(line)
        msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ValueError(
            f"line {number}: {half!a} is half of a surrogate pair, which no file of text can hold;"
            " write the whole character, or leave it out"
        ) from None
    except UnicodeDecodeError:
        raise ValueError(_encoding(line, number)) from None
    except (ValueError, RecursionError):
        raise ValueError(f"line {number}: not valid JSON: {strict}") from None
    return value


def _encoding(line: bytes, number: int) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return not_utf8(number, line, error)
    return f"line {number}: not UTF-8"


def table_of(rows: list[dict[str, Any]], path: Path) -> tuple[Any, frozenset[str]]:
    """Objects as a table, and its columns that hold values of several types as text.

    Raises:
        LogError: they have more names than a log has columns.
    """
    table = _table(rows, path)
    return table, frozenset(field.name for field in table.schema if field.type == _MIXED)


def _table(rows: list[dict[str, Any]], path: Path) -> Any:
    names = dict.fromkeys(name for row in rows for name in row)
    check_columns(names, path)
    check_sparse(len(rows), len(names), sum(map(len, rows)), path)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> Any:
    if any(isinstance(it, list) and it and isinstance(it[0], dict) for it in values):
        return _mixed(values)  # as written: a table would give every message all fields
    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _mixed(values)
    return _mixed(values) if _deep(array.type) else array


def _deep(kind: Any) -> bool:
    """Whether values are more than lists of plain values: as text they are what was written."""
    nested = pa.types.is_nested(kind)
    return nested and not (pa.types.is_list(kind) and not pa.types.is_nested(kind.value_type))


def _mixed(values: list[Any]) -> Any:
    return pa.array([None if value is None else written(value) for value in values], _MIXED)


def _as_text(table: Any, mixed: Collection[str]) -> Any:
    for at, name in enumerate(table.column_names):
        if name in mixed:
            table = table.set_column(at, name, _mixed(table.column(at).to_pylist()))
    return table
