"""Logs in JSON: an array of objects, alone or under one name, or an object per line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from routelab.errors import LogError
from routelab.logs.formats.bounds import deep
from routelab.logs.formats.jsonl import open_jsonl, table_of
from routelab.logs.formats.source import TableSource
from routelab.logs.model import Problems

_BOM = b"\xef\xbb\xbf"
_WAY_OUT = "a log in JSON is an array of objects, one a row, or {'data': [...]}"


def open_json(path: Path) -> TableSource:
    """A JSON file: an array of objects, or an object of which one field is such an array.

    A file that is no JSON as a whole is read as JSON Lines, and so is one of another suffix than
    .json that does not begin with an array.

    Raises:
        LogError: it is neither, holds several arrays that could be the log, or none; or items
            that are no objects, with their numbers.
    """
    lines = path.suffix.lower() != ".json"
    if lines and not _is_array(path):
        return open_jsonl(path)
    content = path.read_bytes().removeprefix(_BOM).strip()
    try:
        value = _decoded(content)
    except RecursionError:
        if content[:1] == b"{":
            return open_jsonl(path)  # which names the line
        raise LogError(f"{path.name}: nested too deeply to be read") from None
    except ValueError as error:
        if lines or content[:1] == b"{":
            return open_jsonl(path)
        raise LogError(f"{path.name}: not valid JSON: {error}; {_WAY_OUT}") from None
    rows = value if isinstance(value, list) else _only_array(path, value)
    problems = Problems(path.name)
    odd = [(at, item) for at, item in enumerate(rows, 1) if not isinstance(item, dict)]
    problems.some(
        [f"item {at}: {type(item).__name__} where an object is expected" for at, item in odd[:5]],
        len(odd),
    )
    problems.stop()
    if not rows:
        raise LogError(f"{path.name}: no rows; {_WAY_OUT}")
    if (deeply := deep(content, value)) is not None:
        raise LogError(f"{path.name}: {deeply}")
    table, mixed = table_of(rows, path)
    return TableSource(path, table, untyped=mixed)


def _is_array(path: Path) -> bool:
    """Whether the first sign of a file opens an array."""
    with path.open("rb") as file:
        return file.read(1024).removeprefix(_BOM).lstrip()[:1] == b"["


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as strict:
        try:
            value = json.loads(content)  # Python writes NaN and Infinity, which JSON does not have
            msgspec.json.encode(value)  # halves of surrogate pairs go no further
        except ValueError:
            raise ValueError(str(strict)) from None
        return value


def _only_array(path: Path, value: Any) -> list[Any]:
    """The one array of objects in an object."""
    if not isinstance(value, dict):
        raise LogError(
            f"{path.name}: {type(value).__name__} where an array is expected; {_WAY_OUT}"
        )
    found = {
        name: it for name, it in value.items() if isinstance(it, list) and it
        and all(isinstance(row, dict) for row in it)
    }  # fmt: skip
    if len(found) != 1:
        which = f"{', '.join(map(repr, found))} could all be the log" if found else "no array of"
        which += "" if found else f" objects under any of its names ({', '.join(list(value)[:8])})"
        raise LogError(f"{path.name}: {which}; {_WAY_OUT}")
    (rows,) = found.values()
    return rows
