"""Records of files, one after the other: JSON Lines, JSON, CSV, Parquet, gzipped or not."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from routelab.core.storage import limits, raised
from routelab.errors import LogError
from routelab.logs.importers.calls.values import Fields, fields

Raw: TypeAlias = bytes | msgspec.Raw | Mapping[str, Any]
"""A record as JSON, or as columns by name."""

_AT_ONCE = 4_096


class CallRecord(NamedTuple):
    """A record and where it stands.

    Attributes:
        file: that it is of.
        number: of its line or row, from 1.
    """

    file: Path
    number: int
    raw: Raw


def decoded(raw: Raw) -> Fields:
    """The object that a record is; an empty one where it is none, or is cut off."""
    if isinstance(raw, Mapping):
        return raw
    try:
        return fields(msgspec.json.decode(raw))
    except (msgspec.DecodeError, RecursionError):
        return {}


def record_files(path: Path, suffixes: Sequence[str], named: str = "*") -> tuple[Path, ...]:
    """The files that hold records: one, or those of a folder by name.

    Args:
        suffixes: that they may have.
        named: a pattern for names of files in a folder.
    Raises:
        LogError: there are none.
    """
    if path.is_dir():
        found = sorted(it for it in path.rglob(named) if it.is_file() and _suffix(it) in suffixes)
        if not found:
            called = "" if named == "*" else f" called {named}"
            raise LogError(f"{path}: has no file{called} that ends in {', '.join(suffixes)}")
        return tuple(found)
    if not path.exists():
        raise LogError(f"{path}: no such file or directory")
    if not path.is_file():
        raise LogError(f"{path}: is no file")
    if _suffix(path) not in suffixes:
        raise LogError(f"{path}: ends in none of {', '.join(suffixes)}")
    return (path,)


def records(path: Path, rows_at: Sequence[str] = (), skip: int = 0) -> Iterator[CallRecord]:
    """The records of one file.

    Args:
        rows_at: keys of a JSON document under which its records may stand.
        skip: so many are passed over, unread.
    Raises:
        LogError: the file is not what its name says.
    """
    suffix = _suffix(path)
    if suffix in (".jsonl", ".ndjson"):
        found: Iterator[tuple[int, Raw]] = _lines(path)
    elif suffix == ".json":
        found = _document(path, rows_at)
    elif suffix in (".csv", ".tsv"):
        found = _table(path, "\t" if suffix == ".tsv" else ",")
    else:
        yield from _columns(path, skip)
        return
    for at, (number, raw) in enumerate(found):
        if at >= skip:
            yield CallRecord(path, number, raw)


def _suffix(path: Path) -> str:
    return path.with_suffix("").suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    most = limits().line_bytes
    try:
        with _opened(path) as file:
            for number, line in enumerate(iter(lambda: file.readline(most + 1), b""), 1):
                if len(line) > most:
                    way_out = raised("line_bytes")
                    raise LogError(
                        f"{path.name}: line {number} is longer than {most:,} bytes; {way_out}"
                    )
                if line := line.strip():
                    yield number, line
    except (OSError, EOFError) as error:
        raise LogError(f"{path.name}: cannot be read to its end: {error}") from error


def _document(path: Path, rows_at: Sequence[str]) -> Iterator[tuple[int, Raw]]:
    """The elements of an array, or of one under a key; lines, where they are JSON Lines."""
    most = limits().json_bytes
    with _opened(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise LogError(
            f"{path.name}: more than {most:,} bytes, which are read whole; write it as JSON Lines,"
            f" or {raised('json_bytes')}"
        )
    try:
        elements = _elements(content, rows_at)
    except msgspec.DecodeError as error:
        first = content.split(b"\n", 1)[0].strip()
        try:
            msgspec.json.decode(first)
        except msgspec.DecodeError:
            raise LogError(f"{path.name}: is no JSON: {error}") from None
        yield from _lines(path)
    else:
        yield from enumerate(elements, 1)


def _elements(content: bytes, rows_at: Sequence[str]) -> list[msgspec.Raw]:
    if content.lstrip()[:1] != b"{":
        return msgspec.json.decode(content, type=list[msgspec.Raw])
    document = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    for key in rows_at:
        place, _, inner = key.partition(".")
        if place not in document:
            continue
        under = document[place]
        if inner:
            found = msgspec.json.decode(under, type=dict[str, msgspec.Raw])
            if inner not in found:
                continue
            under = found[inner]
        if bytes(under).lstrip()[:1] == b"[":
            return msgspec.json.decode(under, type=list[msgspec.Raw])
    return [msgspec.Raw(content)]


def _table(path: Path, delimiter: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows by the names of columns; nothing where a row has not as many fields as the first."""
    csv.field_size_limit(min(limits().line_bytes, 2**31 - 1))
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", newline="")
        ) as file:
            reader = csv.DictReader(file, delimiter=delimiter, strict=True)
            for row in reader:
                yield reader.line_num, {} if None in row.values() or None in row else row
    except (csv.Error, UnicodeDecodeError, OSError, EOFError) as error:
        raise LogError(f"{path.name}: cannot be read to its end: {error}") from error


def _columns(path: Path, skip: int) -> Iterator[CallRecord]:
    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_AT_ONCE):
                number += len(batch)
                if number <= skip:
                    continue
                begins = number - len(batch)
                for at, row in enumerate(batch.to_pylist(), 1):
                    if begins + at > skip:
                        yield CallRecord(path, begins + at, row)
    except (pa.ArrowException, OSError) as error:
        raise LogError(f"{path.name}: is no Parquet file: {error}") from error
