"""What it takes to read the calls that another program wrote down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from routelab.logs.importers.calls.logged_call import LoggedCall
from routelab.logs.importers.calls.records import CallRecord
from routelab.logs.importers.calls.values import Fields


class SkippedRecord(NamedTuple):
    """That a record is no call, and why.

    Attributes:
        reason: in a few words, the same for all of a kind.
    """

    reason: str


Converted: TypeAlias = LoggedCall | SkippedRecord | Iterable[LoggedCall | SkippedRecord]
"""What became of one record."""

Convert: TypeAlias = Callable[[Fields, Path], Converted]
"""Turns a decoded record, and the file it is from, into calls."""


@dataclass(frozen=True)
class CallImporter:
    """One program's records of calls.

    Attributes:
        name: of the program, on the command line.
        summary: what is read, in a line.
        layout: what PATH is.
        example: a PATH.
        open: (PATH, columns that the user named) to what converts its records; raises LogError
            with everything that is wrong. Records that other files complete are joined there.
        suffixes: of files in a folder that are read.
        named: what names of files in a folder match, where not all of a suffix are meant.
        read: (file, records to pass over) to the records of one; None for those of usual files.
        rows_at: key of a JSON document under which its records stand, for example "data".
        traffic: only the model that was chosen answered, so that calls without a number among
            samples are steps, and the log is a partial one.
        notes: what every such log lacks, in sentences.
    """

    name: str
    summary: str
    layout: str
    example: str
    open: Callable[[Path, Mapping[str, str]], Convert]
    suffixes: tuple[str, ...] = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
    named: str = "*"
    read: Callable[[Path, int], Iterator[CallRecord]] | None = None
    rows_at: tuple[str, ...] = ()
    traffic: bool = True
    notes: tuple[str, ...] = ()
