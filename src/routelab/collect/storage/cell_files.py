"""The files that hold cells: journals of lines, and the Parquet file that finished ones become.

A Parquet file `_cells-000003.parquet` takes the place of all journals up to `cells-000003.jsonl`
and of older Parquet files at the moment in which it has its name, so that nothing counts twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from routelab.collect.storage.cell import AskedCell, Line, Reserved, decode_line, encode_line
from routelab.core.storage import lines_of, open_regular
from routelab.errors import CollectError, LogError
from routelab.logs.importers.calls import LoggedCall, records, write_calls

_NAME = re.compile(r"(?:cells-(\d{6})\.jsonl|_cells-(\d{6})\.parquet)")


class CellFiles(NamedTuple):
    """Which files of a folder hold its cells.

    Attributes:
        folder: of the collection.
        packed: the newest Parquet file; None before there is one.
        journals: that are not in it, oldest first.
        stale: that it took the place of, and a killed process left.
        number: of the newest file; 0 where there is none.
    """

    folder: Path
    packed: Path | None
    journals: tuple[Path, ...]
    stale: tuple[Path, ...]
    number: int

    @property
    def journal(self) -> Path:
        """The journal to go on with, or to begin."""
        if self.journals:
            return self.journals[-1]
        return self.folder / f"cells-{self.number + 1:06}.jsonl"

    @property
    def next_packed(self) -> Path:
        """The Parquet file that takes the place of all of these."""
        return self.folder / f"_cells-{max(self.number, 1):06}.parquet"


def cell_files(folder: Path) -> CellFiles:
    """The files of a collection that hold cells."""
    journals: dict[int, Path] = {}
    packed: dict[int, Path] = {}
    for path in folder.iterdir():
        if found := _NAME.fullmatch(path.name):
            kept = journals if found[1] else packed
            kept[int(found[1] or found[2])] = path
    newest = max(packed, default=0)
    return CellFiles(
        folder,
        packed.get(newest),
        tuple(journals[it] for it in sorted(journals) if it > newest),
        tuple(
            path
            for kept in (journals, packed)
            for number, path in kept.items()
            if number < newest or (number == newest and path is not packed.get(newest))
        ),
        max((*journals, *packed), default=0),
    )


class DamagedLine(NamedTuple):
    """A line of a journal that cannot be read.

    Attributes:
        path: of the journal.
        number: of the line, from 1.
        last: nothing follows it, so that a killed process left it half written.
    """

    path: Path
    number: int
    last: bool


def cell_lines(files: CellFiles) -> Iterator[Line | DamagedLine]:
    """Every line in the order in which it was written.

    Raises:
        CollectError: a file cannot be read.
    """
    if files.packed is not None:
        yield from _packed_lines(files.packed)
    for path in files.journals:
        yield from _journal_lines(path)


def _packed_lines(path: Path) -> Iterator[Line]:
    try:
        for it in records(path):
            assert not isinstance(it.raw, bytes | msgspec.Raw)  # of Parquet come columns
            yield decode_line(it.raw["cell"])
    except (LogError, msgspec.DecodeError, KeyError) as error:
        raise CollectError(f"{path}: is damaged: {error}") from error


def _journal_lines(path: Path) -> Iterator[Line | DamagedLine]:
    try:
        bad: DamagedLine | None = None
        with open_regular(path) as file:
            for number, line in enumerate(lines_of(file), 1):
                if bad is not None:
                    yield bad._replace(last=False)
                    bad = None
                try:
                    if not line.endswith(b"\n"):
                        raise msgspec.DecodeError
                    found = decode_line(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    bad = DamagedLine(path, number, True)
                else:
                    yield found
            if bad is not None:
                yield bad
    except OSError as error:
        raise CollectError(f"{path}: cannot be read: {error.strerror or error}") from error


def mend(path: Path) -> int:
    """Cut off a line that a killed process left half written.

    Args:
        path: of a journal that nobody writes; it may not be there yet.
    Returns:
        How many bytes were cut off.
    Raises:
        OSError: it cannot be written.
    """
    if not path.exists():
        return 0
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end, block = size, 1 << 16
        while end > 0:
            start = max(0, end - block)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())
        return size - end


def pack(files: CellFiles, settled: Iterator[Line]) -> Path:
    """Write lines as Parquet, and remove the files that they came of.

    Args:
        files: that hold them now.
        settled: the lines to keep.
    Raises:
        CollectError: the Parquet file cannot be written; nothing is lost then.
    """
    target = files.next_packed
    try:
        write_calls(map(_row, enumerate(settled)), target)
        for path in (*files.journals, *files.stale, files.packed):
            if path is not None and path != target:
                path.unlink(missing_ok=True)
    except (OSError, LogError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CollectError(f"{target}: cannot be written: {why}; the journal stays") from error
    return target


def _row(numbered: tuple[int, Line]) -> LoggedCall:
    """A line as a row; that of the same cell asked again is another one."""
    number, line = numbered
    return LoggedCall(
        request_id=str(line.row),
        model=str(line.arm),
        attempt=number,
        texts={
            "cell": encode_line(line).decode(),
            "outcome": line.outcome if isinstance(line, AskedCell) else "",
        },
        numbers={} if isinstance(line, Reserved) else {"spent_usd": line.spent_usd},
    )
