"""Calls on their way into a log: in parts that stay where an import was stopped."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from routelab.core.storage import replacing
from routelab.errors import LogError
from routelab.logs.importers.calls.logged_call import LoggedCall

PART = 16_384
"""Calls of one part, which are a row group of the log."""

_TEXTS = (
    "request_id",
    "model",
    "messages",
    "response",
    "task",
    "session_id",
    "tenant",
    "service_tier",
    "served_model",
    "error",
)
_COUNTS = ("attempt", "step")
_NUMBERS = tuple(
    it for it in LoggedCall.__struct_fields__ if it not in (*_TEXTS, *_COUNTS, "numbers", "texts")
)
_KEY = ("request_id", "model", "attempt", "step")
_MOST_NUMBERS = 200


class ImportState(msgspec.Struct):
    """How far an import is.

    Attributes:
        source: what is imported: the importer, and every file with its size and time of change.
        consumed: records of each file that were turned into calls, or skipped.
        parts: that are on the disk.
        calls: in those.
        skipped: records that are no calls, by reason.
        examples: where the first of each reason stands.
    """

    source: Any
    consumed: list[int]
    parts: int = 0
    calls: int = 0
    skipped: dict[str, int] = {}
    examples: dict[str, str] = {}


class CallStore:
    """Parts of a log in a folder beside it, and how far they go.

    Args:
        out: the log.
        source: as `ImportState` has it; parts of anything else are removed.
        files: how many there are.
    """

    def __init__(self, out: Path, source: Any, files: int) -> None:
        self.folder = out.with_name(f"{out.name}.importing")
        self._out = out
        self.state = self._resumed(source) or ImportState(source, [0] * files)

    def _resumed(self, source: Any) -> ImportState | None:
        try:
            state = msgspec.json.decode((self.folder / "state.json").read_bytes(), type=ImportState)
        except (OSError, msgspec.DecodeError):
            state = None
        same = state is not None and state.source == msgspec.to_builtins(source)
        if not same and self.folder.is_dir():
            shutil.rmtree(self.folder)
        return state if same else None

    def add(self, calls: Sequence[LoggedCall], consumed: Sequence[int]) -> None:
        """Keep calls for good, and that so many records of each file are read."""
        state = self.state
        state.consumed = list(consumed)
        if calls:
            self.folder.mkdir(exist_ok=True)
            part = self._part(state.parts)
            with replacing(part) as fresh:
                pq.write_table(_table(calls), fresh, compression="zstd", compression_level=1)
            state.parts += 1
            state.calls += len(calls)
        if self.folder.is_dir():
            with replacing(self.folder / "state.json") as fresh:
                fresh.write_bytes(msgspec.json.encode(state))

    def models(self) -> tuple[str, ...]:
        """Names of models that were asked, or answered."""
        found: dict[str, None] = {}
        for at in range(self.state.parts):
            part = self._part(at)
            there = [it for it in ("model", "served_model") if it in pq.read_schema(part).names]
            for column in pq.read_table(part, columns=there).columns:
                found |= dict.fromkeys(it for it in column.unique().to_pylist() if it)
        return tuple(found)

    def finish(self, metadata: Mapping[bytes, bytes]) -> int:
        """Make the log of the parts, and remove those.

        Args:
            metadata: of the log.
        Returns:
            How many calls were left out, as an earlier one is of the same request, model and step.
        """
        parts = [self._part(at) for at in range(self.state.parts)]
        schema = pa.unify_schemas(
            [pq.read_schema(it) for it in parts], promote_options="permissive"
        )
        kept = _firsts(parts, [it for it in _KEY if it in schema.names])
        twice = 0
        with replacing(self._out) as fresh:
            written = schema.with_metadata(dict(metadata))
            how = {"compression": "zstd", "compression_level": 3, "version": "2.6"}
            with pq.ParquetWriter(fresh, written, **how) as writer:
                for part, keep in zip(parts, kept, strict=True):
                    table = _under(pq.read_table(part), schema)
                    if not keep.all():
                        twice += int((~keep).sum())
                        table = table.filter(pa.array(keep))
                    if len(table):
                        writer.write_table(table.replace_schema_metadata(written.metadata))
        shutil.rmtree(self.folder)
        return twice

    def _part(self, at: int) -> Path:
        return self.folder / f"part-{at:06}.parquet"


def _table(calls: Sequence[LoggedCall]) -> Any:
    """Columns of calls; those that no call has are left out."""
    columns: dict[str, Any] = {}
    for name in _TEXTS:
        values = [getattr(it, name) for it in calls]
        if name == "messages":
            values = [None if it is None else _messages(it) for it in values]
        if any(values):
            columns[name] = pa.array(list(map(_clean, values)), pa.string())
    for name in _COUNTS:
        values = [getattr(it, name) for it in calls]
        if any(it is not None for it in values):
            columns[name] = pa.array(values, pa.int64())
    for name in _NUMBERS:
        values = [getattr(it, name) for it in calls]
        if any(it is not None for it in values):
            columns[name] = pa.array(values, pa.float64())
    more = Counter(name for it in calls for name in it.numbers)
    for name, _ in more.most_common(_MOST_NUMBERS):
        if name not in LoggedCall.__struct_fields__:
            values = [it.numbers.get(name, math.nan) for it in calls]
            columns[name] = pa.array(values, pa.float64(), from_pandas=True)
    for name in dict.fromkeys(name for it in calls for name in it.texts):
        if name not in columns:
            columns[name] = pa.array([_clean(it.texts.get(name)) for it in calls], pa.string())
    return pa.table(columns)


def _clean(value: str | None) -> str | None:
    """A text that UTF-8 can carry."""
    if value is None or value.isascii():
        return value
    return value.encode("utf-8", "replace").decode()


def _messages(value: Any) -> str:
    """Messages as JSON text; a bare text is one of the user's."""
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        import json  # slow to import, and rarely needed

        return json.dumps(value)


def _under(table: Any, schema: Any) -> Any:
    """A part in the columns of all parts."""
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _firsts(parts: Sequence[Path], key: Sequence[str]) -> Iterator[Any]:
    """For each part which calls are the first of their key."""
    hashes, sizes = [], []
    for part in parts:
        there = [it for it in key if it in pq.read_schema(part).names]
        columns = pq.read_table(part, columns=there).to_pydict()
        values = zip(*(columns[it] for it in there), strict=True)
        hashes.append(np.fromiter(map(hash, values), dtype=np.int64))
        sizes.append(len(hashes[-1]))
    every = np.concatenate(hashes) if hashes else np.empty(0, dtype=np.int64)
    keep = np.zeros(len(every), dtype=np.bool_)
    keep[np.unique(every, return_index=True)[1]] = True
    return iter(np.split(keep, np.cumsum(sizes)[:-1]))


def check_out(path: Path, out: Path) -> None:
    """Refuse a place where no log can be written.

    Raises:
        LogError: it is one, or what is imported itself.
    """
    if out.suffix != ".parquet":
        raise LogError(f"{out}: a log is written as Parquet; end the name in .parquet")
    if out.is_dir():
        raise LogError(f"{out}: is a directory; name the file to write")
    if not out.parent.is_dir():
        raise LogError(f"{out}: there is no directory {out.parent}; make it first")
    if out.exists() and path.exists() and out.samefile(path):
        raise LogError(f"{out}: is what is imported; write the log to another file")
