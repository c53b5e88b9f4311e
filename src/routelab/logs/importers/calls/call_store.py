"""Calls on their way into a log: in parts that stay where an import was stopped."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import astuple

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
_ASIDE = ("inside", "currency", "numbers", "texts")
_NUMBERS = tuple(
    it for it in LoggedCall.__struct_fields__ if it not in (*_TEXTS, *_COUNTS, *_ASIDE)
)
_KEY = ("request_id", "model", "attempt", "step")
_FILE, _ROW, _INSIDE = "_file", "_row", "_inside"
"""Columns of parts alone: where a call stands, and what it was made inside of."""

TWICE = "stands twice: an earlier call is of the same request and model"
WRAPS = "wraps another call, which has its tokens"
_MOST_NUMBERS = 200


class ImportState(msgspec.Struct):
    """How far an import is.

    Attributes:
        source: what is imported: the importer, and every file with its size and time of change.
        consumed: records of each file that were turned into calls, or skipped.
        parts: that are on the disk.
        calls: in those.
        skipped: records that are no calls, by reason.
        doubted: calls of which something was not taken, by reason.
        examples: where the first of each reason stands.
    """

    source: Any
    consumed: list[int]
    parts: int = 0
    calls: int = 0
    skipped: dict[str, int] = {}
    doubted: dict[str, int] = {}
    examples: dict[str, str] = {}


class CallStore:
    """Parts of a log in a folder beside it, and how far they go.

    Args:
        out: the log.
        source: as `ImportState` has it; parts of anything else are removed.
        files: that are read.
    """

    def __init__(self, out: Path, source: Any, files: Sequence[Path]) -> None:
        self.folder = out.with_name(f"{out.name}.importing")
        self._out, self._files = out, files
        self.state = self._resumed(source) or ImportState(source, [0] * len(files))

    def _resumed(self, source: Any) -> ImportState | None:
        try:
            state = msgspec.json.decode((self.folder / "state.json").read_bytes(), type=ImportState)
        except (OSError, msgspec.DecodeError):
            state = None
        same = state is not None and state.source == msgspec.to_builtins(source)
        if not same and self.folder.is_dir():
            shutil.rmtree(self.folder)
        return state if same else None

    def add(
        self,
        calls: Sequence[LoggedCall],
        places: Sequence[tuple[int, int]],
        consumed: Sequence[int],
    ) -> None:
        """Keep calls for good, and that so many records of each file are read.

        Args:
            calls: in order.
            places: number of the file, and of the row in it, of each.
            consumed: records of each file.
        """
        state = self.state
        state.consumed = list(consumed)
        if calls:
            self.folder.mkdir(exist_ok=True)
            part = self._part(state.parts)
            with replacing(part) as fresh:
                pq.write_table(
                    _table(calls, places), fresh, compression="zstd", compression_level=1
                )
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

    def missing(self, named: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Requests and models that no call is of; without a model, requests.

        Args:
            named: a request and a model, which may be empty, each.
        """
        left = set(named)
        for at in range(self.state.parts):
            if not left:
                break
            table = pq.read_table(self._part(at), columns=["request_id", "model"])
            for request, model in zip(*(it.to_pylist() for it in table.columns), strict=True):
                left -= {(request, model), (request, "")}
        return left

    def finish(self, metadata: Mapping[bytes, bytes]) -> None:
        """Make the log of the parts, and remove those.

        Calls that stand twice, and those that wrap another, are left out and counted as skipped.

        Args:
            metadata: of the log.
        """
        parts = [self._part(at) for at in range(self.state.parts)]
        schema = pa.unify_schemas(
            [pq.read_schema(it) for it in parts], promote_options="permissive"
        )
        schema = pa.schema([it for it in schema if it.name not in (_FILE, _ROW, _INSIDE)])
        kept = self._kept(parts, [it for it in _KEY if it in schema.names])
        with replacing(self._out) as fresh:
            written = schema.with_metadata(dict(metadata))
            how = {"compression": "zstd", "compression_level": 3, "version": "2.6"}
            with pq.ParquetWriter(fresh, written, **how) as writer:
                for part, keep in zip(parts, kept, strict=True):
                    table = _under(pq.read_table(part), schema)
                    if not keep.all():
                        table = table.filter(pa.array(keep))
                    if len(table):
                        writer.write_table(table.replace_schema_metadata(written.metadata))
        shutil.rmtree(self.folder)

    def remove(self) -> None:
        """Have nothing beside the log."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kept(self, parts: Sequence[Path], key: Sequence[str]) -> Iterator[Any]:
        """For each part which of its calls go into the log; the others are counted."""
        every = [_hashes(it, key) for it in parts]
        first = np.zeros(sum(map(len, every)), dtype=np.bool_)
        first[np.unique(np.concatenate(every), return_index=True)[1]] = True
        wraps = self._wraps(parts, len(first))
        cuts = np.cumsum([len(it) for it in every])[:-1]
        for reason, out in ((WRAPS, wraps), (TWICE, ~first & ~wraps)):
            if many := int(out.sum()):
                self.state.skipped[reason] = self.state.skipped.get(reason, 0) + many
                self.state.calls -= many
                self._exemplify(reason, parts, np.split(out, cuts))
        return iter(np.split(first & ~wraps, cuts))

    def _wraps(self, parts: Sequence[Path], calls: int) -> Any:
        """Which calls have another inside."""
        outer = [_hashes(it, (_INSIDE,)) for it in parts if _INSIDE in pq.read_schema(it).names]
        if not outer:
            return np.zeros(calls, dtype=np.bool_)
        own = np.concatenate([_hashes(it, ("request_id",)) for it in parts])
        return np.isin(own, np.concatenate(outer))

    def _exemplify(self, reason: str, parts: Sequence[Path], out: Sequence[Any]) -> None:
        """Say where the first call that is left out stands."""
        at = next(at for at, it in enumerate(out) if it.any())
        row = pq.read_table(parts[at], columns=[_FILE, _ROW]).slice(int(out[at].argmax()), 1)
        found = row.to_pylist()[0]
        self.state.examples[reason] = f"{self._files[found[_FILE]].name} row {found[_ROW]}"

    def _part(self, at: int) -> Path:
        return self.folder / f"part-{at:06}.parquet"


def _table(calls: Sequence[LoggedCall], places: Sequence[tuple[int, int]]) -> Any:
    """Columns of calls, and where they stand; those that no call has are left out."""
    columns: dict[str, Any] = {
        _FILE: pa.array([file for file, _ in places], pa.int32()),
        _ROW: pa.array([row for _, row in places], pa.int64()),
    }
    values = dict(
        zip(LoggedCall.__struct_fields__, zip(*map(astuple, calls), strict=True), strict=True)
    )
    for name in _TEXTS:
        texts: Sequence[Any] = values[name]
        if name == "messages":
            texts = [None if it is None else _messages(it) for it in texts]
        if any(texts):
            columns[name] = pa.array(list(map(_clean, texts)), pa.string())
    if any(values["inside"]):
        columns[_INSIDE] = pa.array([it or None for it in values["inside"]], pa.string())
    for names, kind in ((_COUNTS, pa.int64()), (_NUMBERS, pa.float64())):
        for name in names:
            if values[name].count(None) < len(calls):
                columns[name] = pa.array(values[name], kind)
    more = Counter(name for it in values["numbers"] for name in it)
    for name, _ in more.most_common(_MOST_NUMBERS):
        if name not in LoggedCall.__struct_fields__:
            own = [it.get(name, math.nan) for it in values["numbers"]]
            columns[name] = pa.array(own, pa.float64(), from_pandas=True)
    for name in dict.fromkeys(name for it in values["texts"] for name in it):
        if name not in columns:
            columns[name] = pa.array([_clean(it.get(name)) for it in values["texts"]], pa.string())
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


def _hashes(part: Path, names: Sequence[str]) -> Any:
    """One number for the values of each call in these columns."""
    there = [it for it in names if it in pq.read_schema(part).names]
    columns = pq.read_table(part, columns=there).to_pydict()
    if len(there) == 1:
        return np.fromiter(map(hash, columns[there[0]]), dtype=np.int64)
    return np.fromiter(map(hash, zip(*(columns[it] for it in there), strict=True)), dtype=np.int64)


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
