"""Records of calls to a log file."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import msgspec

from routelab.core import Progress
from routelab.core.catalogue import Catalogue
from routelab.core.messages import foreign
from routelab.errors import LogError
from routelab.logs import price_lists
from routelab.logs.columns import parquet_metadata
from routelab.logs.importers.calls.call_importer import (
    CallImporter,
    Convert,
    SkippedRecord,
)
from routelab.logs.importers.calls.call_store import (
    PART,
    TWICE,
    CallStore,
    ImportState,
    check_out,
)
from routelab.logs.importers.calls.feedback import graded, judgements, several
from routelab.logs.importers.calls.logged_call import LoggedCall
from routelab.logs.importers.calls.records import CallRecord, record_files, records

_NO_JSON = SkippedRecord("is no JSON, or cut off")
_NO_OBJECT = SkippedRecord("is no JSON object")
_CUT_OFF = SkippedRecord("has more or fewer fields than the file has columns")
_NAMELESS = SkippedRecord("names no model")
_UNNAMED = SkippedRecord("has no id")
_BACKWARDS = "have no latency: a clock ran backwards"
_CURRENCY = "have no cost: theirs is in another currency than US dollars"
_DOLLARS = ("", "USD", "US$", "$")


class ImportedCalls(NamedTuple):
    """What came of an import.

    Attributes:
        path: of the log.
        records: that were read.
        calls: in the log.
        skipped: records that are left out, by reason.
        doubted: calls of which something was not taken, by reason.
        examples: where the first of each reason stands.
        repeated: calls that were left out, as an earlier one is of the same request and model.
        notes: what such a log lacks, in sentences.
    """

    path: Path
    records: int
    calls: int
    skipped: Mapping[str, int]
    doubted: Mapping[str, int]
    examples: Mapping[str, str]
    repeated: int
    notes: tuple[str, ...]


def import_calls(
    importer: CallImporter,
    path: Path,
    out: Path,
    *,
    columns: Mapping[str, str] | None = None,
    price_list: Path | None = None,
    feedback: Path | None = None,
    progress: Progress | None = None,
) -> ImportedCalls:
    """Write the log that records of calls make; a file at `out` is replaced atomically.

    What was read stays in the folder `OUT.importing` until the log is whole: the same call goes on
    where it was stopped.

    Args:
        importer: of the records.
        path: a file, or a folder of files.
        out: ends in .parquet.
        columns: what the user says of where values stand, for importers that ask.
        price_list: of any form (see `routelab.logs.price_lists.read`); goes into the log, and
            prices calls without a cost wherever it is read.
        feedback: path of JSON Lines with `request_id`, `quality` and perhaps `model`: what answers
            were worth, where the program itself does not say.
        progress: told bytes of files that are done, and of all.
    Raises:
        LogError: everything that is wrong with the files, the prices and `out`, before anything is
            written; or there is not one call.
    """
    check_out(path, out)
    listed = price_lists.read(price_list) if price_list else None
    files = record_files(path, importer.suffixes, importer.named)
    convert = importer.open(path, columns or {})
    judged = {} if feedback is None else judgements(feedback)
    if feedback is not None:
        convert = graded(convert, judged)
    source = _source(importer, columns, (*files, *([] if feedback is None else [feedback])))
    store = CallStore(out, source, files)
    with _without_cycles():
        _read(importer, files, convert, store, progress)
    state = store.state
    if not state.calls:
        raise LogError(f"{path}: holds no call: {_why_none(state)}")
    catalogue = None if listed is None else Catalogue(listed.models(store.models()))
    unused = store.missing(judged)
    store.finish(parquet_metadata.extras({}, catalogue))
    return ImportedCalls(
        path=out,
        records=sum(state.consumed),
        calls=state.calls,
        skipped=dict(_most(state.skipped)),
        doubted=dict(_most(state.doubted)),
        examples=state.examples,
        repeated=state.skipped.get(TWICE, 0),
        notes=(*importer.notes, *_unused_note(unused, len(judged))),
    )


def _unused_note(unused: set[tuple[str, str]], of: int) -> Iterator[str]:
    if unused:
        request, model = map(foreign, min(unused))
        whose = f"{request!r} of {model!r}" if model else repr(request)
        yield (
            f"{len(unused):,} of {of:,} grades are of no call here, such as that of {whose}:"
            " request_id, and model where it is given, are those of the log"
        )


def _why_none(state: ImportState) -> str:
    each = [f"{many:,} {it}, {state.examples[it]}" for it, many in _most(state.skipped)]
    return "; ".join(each) or "there are no records"


def _source(
    importer: CallImporter, columns: Mapping[str, str] | None, files: Sequence[Path]
) -> dict[str, Any]:
    """What parts on the disk must be of, to be gone on with."""
    return {
        "importer": importer.name,
        "columns": dict(columns or {}),
        "files": [[str(it), it.stat().st_size, it.stat().st_mtime] for it in files],
    }


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Records have no cycles, and looking for some takes a tenth of an import."""
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()


def _read(
    importer: CallImporter,
    files: Sequence[Path],
    convert: Convert,
    store: CallStore,
    progress: Progress | None,
) -> None:
    calls, places = list[LoggedCall](), list[tuple[int, int]]()
    consumed = list(store.state.consumed)
    sizes, read = [it.stat().st_size for it in files], 0
    for at, file in enumerate(files):
        found = importer.read(file, consumed[at]) if importer.read is not None else None
        for record in found or records(file, importer.rows_at, consumed[at]):
            for it in _converted(record, convert):
                if _taken(it, record, store.state):
                    if importer.traffic and it.step is it.attempt is None:
                        it.step = 0
                    calls.append(it)
                    places.append((at, record.number))
            consumed[at] += 1
            read += len(record.raw) if isinstance(record.raw, bytes) else 0
            if len(calls) >= PART:
                store.add(calls, places, consumed)
                calls.clear()
                places.clear()
                if progress is not None:
                    progress(min(read, sum(sizes)), sum(sizes))
        if progress is not None:
            progress(sum(sizes[: at + 1]), sum(sizes))
    store.add(calls, places, consumed)


def _taken(
    it: LoggedCall | SkippedRecord, record: CallRecord, state: ImportState
) -> TypeGuard[LoggedCall]:
    """Whether it is a call; what is not, and what of a call cannot be believed, is counted."""
    if isinstance(it, SkippedRecord):
        _count(it.reason, state.skipped, record, state)
        return False
    if not (it.model and it.request_id):
        _count((_UNNAMED if it.model else _NAMELESS).reason, state.skipped, record, state)
        return False
    if it.latency_s is not None and it.latency_s < 0.0:
        it.latency_s = None
        _count(_BACKWARDS, state.doubted, record, state)
    if it.currency and it.currency.upper() not in _DOLLARS and it.cost_usd is not None:
        it.cost_usd = None
        _count(_CURRENCY, state.doubted, record, state)
    return True


def _count(reason: str, counts: dict[str, int], record: CallRecord, state: ImportState) -> None:
    counts[reason] = counts.get(reason, 0) + 1
    state.examples.setdefault(reason, f"{record.file.name} row {record.number}")


def _converted(record: CallRecord, convert: Convert) -> Iterable[LoggedCall | SkippedRecord]:
    value: object = record.raw
    if isinstance(value, bytes | msgspec.Raw):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return (_NO_JSON,)
    if not isinstance(value, Mapping):
        return (_NO_OBJECT,)
    if not value and record.file.suffix not in (".json", ".jsonl", ".ndjson"):
        return (_CUT_OFF,)
    return several(convert(value, record.file))


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda it: -it[1])


def skipped_note(found: ImportedCalls) -> list[str]:
    """What was left out, in sentences."""
    said = [
        f"{many:,} records are left out: each {reason} (the first is {found.examples[reason]})"
        for reason, many in found.skipped.items()
    ] + [
        f"{many:,} calls {reason} (the first is {found.examples[reason]})"
        for reason, many in found.doubted.items()
    ]
    return [foreign(it) for it in said]
