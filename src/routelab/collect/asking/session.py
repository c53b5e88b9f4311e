"""A collection as this process has it: begun or gone on with, locked, and brought to its end."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from routelab.collect.asking.arms import arms_of, merged_arms
from routelab.collect.asking.options import CollectOptions
from routelab.collect.prompts import PreparedRequests, prepare
from routelab.collect.storage import (
    LOG,
    MANIFEST,
    REQUESTS,
    Collection,
    CollectionLock,
    CollectionWriter,
    Manifest,
    RequestFile,
    differences,
    read_manifest,
    unwritable,
    write_log,
    write_manifest,
)
from routelab.core.catalogue import Catalogue
from routelab.errors import CollectError

SUFFIX = ".collection"
_LEFT = (REQUESTS, f".{REQUESTS}.all", "lock")
"""What a process may leave that was killed before the manifest was there."""


class OpenCollection(NamedTuple):
    """A collection that this process has locked.

    Attributes:
        writer: of its cells.
        again: cells of earlier runs that failed, and are asked again.
        notes: what is odd about it, in sentences.
    """

    writer: CollectionWriter
    again: int
    notes: tuple[str, ...]


@contextmanager
def open_collection(
    source: Path,
    out: Path,
    catalogue: Catalogue,
    options: CollectOptions,
    columns: Mapping[str, str] | None = None,
    wall_clock: Callable[[], float] = time.time,
) -> Iterator[OpenCollection]:
    """Begin a collection, or go on with the one that is there, for the length of a block.

    Args:
        source: a file of prompts, or a log.
        out: the folder; its name ends in `.collection`.
        catalogue: the models that are asked, without fallbacks.
        options: how.
        columns: our column name to the file's.
        wall_clock: Unix seconds.
    Raises:
        CollectError: it cannot be written, another process has it, it is of other prompts, models
            or options, or something else is there; or everything that is wrong with the prompts.
        LogError: the prompts cannot be read.
    """
    check_out(out)
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    lock = CollectionLock(out)
    try:
        notes = _begun(source, out, catalogue, options, dict(columns or {}), wall_clock())
        with Collection(out) as collection, CollectionWriter(collection) as writer:
            again = writer.table.forget(("failed",)) if options.retry else 0
            yield OpenCollection(writer, again, (*notes, *_oddities(writer)))
    finally:
        if not (out / MANIFEST).exists():
            _undo(out)
        lock.release()


def _undo(out: Path) -> None:
    """Leave nothing of a collection that could not begin."""
    with suppress(OSError):
        for name in _LEFT:
            (out / name).unlink(missing_ok=True)
        out.rmdir()


def check_out(out: Path) -> None:
    """Refuse a place where no collection can be.

    Args:
        out: the folder.
    Raises:
        CollectError: it is another thing, or its name does not say what it is.
    """
    if out.suffix != SUFFIX:
        raise CollectError(f"{out}: end the name in {SUFFIX}, such as {out.stem or 'mine'}{SUFFIX}")
    if out.exists() and not out.is_dir():
        raise CollectError(f"{out}: is there and is no folder; give another `out`")
    if out.is_dir() and not (out / MANIFEST).exists():
        strange = sorted(it.name for it in out.iterdir() if it.name not in _LEFT
                         and not it.name.startswith("."))  # fmt: skip
        if strange:
            raise CollectError(
                f"{out}: is there and is no collection (it holds {strange[0]}); give another `out`"
            )


def _begun(
    source: Path,
    out: Path,
    catalogue: Catalogue,
    options: CollectOptions,
    columns: dict[str, str],
    now_s: float,
) -> tuple[str, ...]:
    """Have requests and manifest on the disk; gives what is odd, in sentences."""
    begun = (out / MANIFEST).exists()
    try:
        if begun:
            old = read_manifest(out)
            with tempfile.TemporaryDirectory() as held:
                prepared = prepare(source, Path(held) / REQUESTS, columns)
                new = manifest_of(source, prepared, catalogue, options, now_s)
            return _resumed(out, old, new)
        prepared = prepare(source, out / REQUESTS, columns)
        write_manifest(out, manifest_of(source, prepared, catalogue, options, now_s))
    except OSError as error:
        raise unwritable(out, error) from error
    return _prepared_notes(prepared)


def manifest_of(
    source: Path,
    prepared: PreparedRequests,
    catalogue: Catalogue,
    options: CollectOptions,
    now_s: float,
) -> Manifest:
    """The manifest that a run would begin with.

    Args:
        source: of the prompts.
        prepared: its requests.
        catalogue: the models that are asked.
        options: how.
        now_s: Unix seconds.
    """
    with RequestFile(prepared.path) as requests:
        digest = requests.sha256
    return Manifest(
        created_s=now_s,
        source=source.name,
        requests=prepared.n,
        requests_sha256=digest,
        arms=arms_of(catalogue, now_s),
        body=options.body,
        signals=options.signals,
        seed=options.seed,
    )


def _resumed(out: Path, old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Check that a run asks what its collection did, and write down what is new.

    Raises:
        CollectError: it does not.
    """
    check_same(out, old, new)
    arms, notes = merged_arms(old.arms, new.arms)
    if arms != old.arms:
        write_manifest(out, replace(old, arms=arms))
    return notes


def check_same(out: Path, old: Manifest, new: Manifest) -> None:
    """Refuse a run that asks otherwise than its collection did.

    Args:
        out: the folder.
        old: the manifest there.
        new: that of the run.
    Raises:
        CollectError: it does; names every difference.
    """
    if problems := list(differences(old, new)):
        raise CollectError(
            *(f"{out}: {it}" for it in problems),
            f"{out}: a collection keeps to what it began with; give those arguments, or another"
            " `out`",
        )


def _prepared_notes(prepared: PreparedRequests) -> tuple[str, ...]:
    if not prepared.repeated:
        return prepared.notes
    rows = "1 row says" if prepared.repeated == 1 else f"{prepared.repeated:,} rows say"
    said = f"{rows} exactly what an earlier one says, and is asked once"
    return (*prepared.notes, said)


def _oddities(writer: CollectionWriter) -> Iterator[str]:
    """What an earlier process left, in sentences."""
    table = writer.table
    open_ = list(table.unsettled)
    if open_:
        usd = sum(it.usd for it in open_)
        yield (
            f"{len(open_):,} calls were under way when an earlier run ended: whether they were"
            f" billed is not known, so that up to {usd:.6g} USD stay reserved for them; they are"
            " asked again"
        )
    if writer.mended:
        yield f"{writer.mended:,} bytes were half written, and are cut off"
    lost = [it for it in table.damaged if not it.last]
    if lost:
        yield (
            f"{lost[0].path.name}: {len(lost):,} lines cannot be read, the first is line"
            f" {lost[0].number}: the disk damaged them; what they held is asked again"
        )


def finish(opened: OpenCollection, *, packed: bool) -> Path | None:
    """Write the log of a collection; None where no cell is over.

    Args:
        opened: whose run is over.
        packed: make one Parquet file of its cells too, as none is left to ask.
    Raises:
        CollectError: it cannot be written; the cells stay as they are.
    """
    writer = opened.writer
    folder = writer.collection.path
    writer.close()
    if packed:
        writer.pack()
    if not writer.table.codes.any():
        return None
    needed = sum(it.stat().st_size for it in folder.iterdir() if it.is_file())
    if shutil.disk_usage(folder).free < needed // 10:
        raise CollectError(f"{folder}: the disk has no room for the log; make room, and run again")
    write_log(writer.collection, folder / LOG)
    return folder / LOG
