"""Turn the finished files of a decision log into Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow.parquet as pq

from routelab.core import Progress
from routelab.core.storage import FeedbackRecord, Record, is_locked, replacing
from routelab.errors import LogError
from routelab.logs.columns import DECISIONS_KEY
from routelab.logs.decisions.journal import Journal, open_journal
from routelab.logs.decisions.table import DecisionRows, LatestFeedback

_AT_ONCE = 256 << 20
"""Bytes of JSON Lines that become one Parquet file."""


class CompactionSummary(NamedTuple):
    """What a compaction did.

    Attributes:
        out: Parquet files written.
        files: that they were made of.
        requests: in them.
        before_bytes, after_bytes: what the files took, and what is left of them.
        left: files that are still being written.
    """

    out: tuple[Path, ...]
    files: tuple[Path, ...]
    requests: int
    before_bytes: int
    after_bytes: int
    left: tuple[Path, ...]


def compact(
    folder: Path, *, keep: bool = False, progress: Progress | None = None
) -> CompactionSummary:
    """Write the finished JSON Lines files of a decision log as Parquet beside them.

    There is a row for each call with the columns of a log. The column `record` holds the whole
    line as JSON, so that nothing is lost; lines that are no calls have a row with little else.
    The files are removed once the Parquet file is on the disk. After a crash in between readers
    pass them over, and the next compaction removes them.

    Args:
        keep: do not remove them; readers pass them over.
        progress: called with the files done and how many there are.
    Raises:
        LogError: the folder holds no decision log, or a file in it cannot be read or written.
    """
    if not folder.is_dir():
        raise LogError(f"{folder}: is no folder; name the one that a router logs to")
    journal = open_journal(folder)
    mine = [it for it in journal.files if it.suffix == ".jsonl"]
    left = tuple(it for it in mine if is_locked(it))
    done = [it for it in mine if it not in left]
    before, requests, out = sum(it.stat().st_size for it in done), 0, []
    stale = () if keep else set(folder.glob("*.jsonl")) - set(journal.files)
    try:
        for finished, group in _groups(done):
            path, count = _write(folder, group)
            out.append(path)
            requests += count
            if progress is not None:
                progress(finished, len(done))
            for file in () if keep else group:
                file.unlink()
        for file in stale:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise LogError(f"{folder}: cannot be compacted: {error.strerror}") from error
    after = sum(it.stat().st_size for it in out)
    return CompactionSummary(tuple(out), tuple(done), requests, before, after, left)


def _groups(files: Sequence[Path]) -> Iterator[tuple[int, list[Path]]]:
    """Files that are read at once, after how many files of all."""
    group: list[Path] = []
    size = 0
    for number, file in enumerate(files, 1):
        group.append(file)
        size += file.stat().st_size
        if size >= _AT_ONCE or number == len(files):
            yield number, group
            group, size = [], 0


def _write(folder: Path, files: Sequence[Path]) -> tuple[Path, int]:
    lines = list(Journal(folder, tuple(files)).lines())
    rows = DecisionRows(
        LatestFeedback([it for it in lines if isinstance(it, FeedbackRecord)]), whole=True
    )
    for line in lines:
        if not (isinstance(line, Record) and rows.add(line)):
            rows.rest(line)
    out = folder / f"{files[0].stem}.parquet"
    names = msgspec.json.encode([it.name for it in files])
    table = rows.table().replace_schema_metadata({DECISIONS_KEY: names})
    with replacing(out) as fresh:
        pq.write_table(table, fresh, compression="zstd", version="2.6")
    return out, sum(isinstance(it, Record) for it in lines)
