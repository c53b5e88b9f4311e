"""The lines of a decision log: a folder of JSON Lines and compacted Parquet, or one such file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from routelab.core import Progress
from routelab.core.storage import AlertRecord, FeedbackRecord, Record
from routelab.errors import LogError
from routelab.logs.columns import DECISIONS_KEY
from routelab.logs.formats import bounded_lines
from routelab.logs.model import SHOWN, Problems

Line: TypeAlias = Record | FeedbackRecord | AlertRecord

_PREFIX = "routelab."
_BATCH = 4096


class _Kind(msgspec.Struct):
    """Only what tells which kind of line it is."""

    schema: str = ""


_KINDS: Mapping[str, type[Line]] = {
    "routelab.decision/1": Record,
    "routelab.feedback/1": FeedbackRecord,
    "routelab.alert/1": AlertRecord,
}
_kind = msgspec.json.Decoder(_Kind).decode
_decoders = {schema: msgspec.json.Decoder(kind).decode for schema, kind in _KINDS.items()}


@dataclass(frozen=True)
class Journal:
    """The files of a decision log, oldest first.

    Attributes:
        torn: files whose last line is not whole, because their writer died; filled in by
            reading.
    """

    path: Path
    files: tuple[Path, ...]
    torn: set[str] = field(default_factory=set)

    def lines(self, progress: Progress | None = None) -> Iterator[Line]:
        """Every line, file by file.

        Args:
            progress: called with the files read and how many there are.
        Raises:
            LogError: a line that is not whole and not the last, or of a newer schema.
        """
        for done, path in enumerate(self.files):
            if progress is not None:
                progress(done, len(self.files))
            yield from _in_parquet(path) if path.suffix == ".parquet" else self._in_jsonl(path)

    def _in_jsonl(self, path: Path) -> Iterator[Line]:
        problems, bad, examples = Problems(path.name), 0, list[str]()
        with path.open("rb") as file:
            for number, line in bounded_lines(file, path):
                if not line.strip():
                    continue
                try:
                    yield _decoded(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    if not line.endswith(b"\n"):
                        self.torn.add(path.name)
                        continue
                    bad += 1
                    examples += [f"line {number}: {error}"] * (len(examples) < SHOWN)
        problems.some(examples, bad)
        if bad:
            problems.add(
                f"no router wrote {'it' if bad == 1 else 'them'} so; take the lines out"
                " of the file to read the rest"
            )
        problems.stop()


def is_journal(path: Path) -> bool:
    """Whether a folder or a file holds a decision log."""
    if path.is_dir():
        return any(is_journal(it) for it in _inside(path))
    try:
        if not path.is_file():  # a pipe is read once
            return False
        if path.suffix == ".parquet":
            return DECISIONS_KEY in (pq.read_schema(path).metadata or {})
        with path.open("rb") as file:
            first = next((line for _, line in bounded_lines(file, path) if line.strip()), b"{}")
        return _kind(first).schema.startswith(_PREFIX)
    except (OSError, pa.ArrowInvalid, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def open_journal(path: Path) -> Journal:
    """The decision log in a folder or a file.

    A file that a Parquet file beside it was made of, and that a crash left, is passed over.

    Raises:
        LogError: there is none.
    """
    if not path.exists():
        raise LogError(f"{path}: no such file or folder")
    if not is_journal(path):
        raise LogError(
            f"{path.name}: holds no decision log; name the folder that a router logs to"
            ' (RouterConfig(log="FOLDER")), or one of its files'
        )
    if not path.is_dir():
        return Journal(path, (path,))
    inside = [it for it in _inside(path) if is_journal(it)]
    return Journal(path, tuple(it for it in inside if it.name not in compacted(inside)))


def compacted(files: list[Path]) -> set[str]:
    """Names of the files that Parquet files among these were made of."""
    tables = [it for it in files if it.suffix == ".parquet"]
    names: set[str] = set()
    for table in tables:
        names.update(msgspec.json.decode((pq.read_schema(table).metadata or {})[DECISIONS_KEY]))
    return names


def _inside(folder: Path) -> list[Path]:
    return sorted((*folder.glob("*.jsonl"), *folder.glob("*.parquet")), key=lambda it: it.name)


def _in_parquet(path: Path) -> Iterator[Line]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH, columns=["record"]):
            for text in batch.column(0):
                if text.is_valid:
                    yield _decoded(text.as_py().encode())


def _decoded(line: bytes) -> Line:
    schema = _kind(line).schema
    decode: Any = _decoders.get(schema)
    if decode is None:
        raise msgspec.DecodeError(
            f"schema {schema!r} is none of {', '.join(_KINDS)}; a newer routelab may read it"
        )
    found: Line = decode(line)
    return found
