"""A file's rows in long form under our names, whichever form the file has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from routelab.core import SignalSpec
from routelab.logs.columns import names as our
from routelab.logs.columns.candidates import candidates
from routelab.logs.columns.names import NEEDED, ColumnNames, listed_names
from routelab.logs.columns.parquet_metadata import DECISIONS_KEY
from routelab.logs.formats import RowSource
from routelab.logs.model import Problems
from routelab.signals import column_of, proposal

UNNAMED = "(no model column)"
"""The model of rows that name none, in a log that is only looked at."""

_TEXTS = ("prompt", "messages", "response")


@dataclass(frozen=True, eq=False)
class Frame:
    """Rows (N), one per request and model, as Arrow columns that nobody checked yet.

    Attributes:
        columns: by our name.
        milliseconds: our names whose values are milliseconds.
        signals, extras: confidence by name, and the USD that obtaining it adds.
        unasked: numbers by column, of which nobody said that they are signals.
        negated: signals that are columns with the opposite sign.
        ignored: columns that hold mostly text, and some numbers, under a signal's name.
        file_rows: rows of the file; row r of these stands in the file's row r % file_rows.
        line: of a row of the file, from 1; None where a file has no lines.
        part: of several files, the one in which a row stands, and its number there.
        prompt: the file's column of prompts.
        messages: the file's column of messages.
        responses: the file's column of answers, by model; under None for every model.
        unjudged: the file was written before anybody could judge the answers.
        scale: worst and best quality; None for 0 and 1.
        prompts: reads what the first rows say, or all: their messages, else their prompts; None
            where there are neither, or one row of the file is one request.
    """

    columns: Mapping[str, Any]
    milliseconds: frozenset[str]
    signals: Mapping[str, Any]
    extras: Mapping[str, Any]
    ignored: tuple[str, ...]
    file_rows: int
    line: Callable[[int], int | None]
    part: Callable[[int], tuple[str, int] | None]
    prompt: str | None
    responses: Mapping[str | None, str]
    unjudged: bool = False
    messages: str | None = None
    unasked: Mapping[str, Any] = field(default_factory=dict)
    negated: frozenset[str] = frozenset()
    scale: tuple[float, float] | None = None
    prompts: Callable[..., list[str]] | None = None


def long_frame(
    source: RowSource,
    names: ColumnNames,
    specs: Mapping[str, SignalSpec],
    problems: Problems,
    needed: Sequence[str] = NEEDED,
) -> Frame:
    """A row per request and model.

    Args:
        source: the file.
        names: our names of its columns.
        specs: what signals cost; those with an `extra_cost` need that column.
        problems: takes what is wrong.
        needed: our names of columns that must be there; without ids rows are numbered, and without
            models there is one that has no name.
    Raises:
        LogError: a column that is needed or named is not there.
    """
    by_prompt = "request_id" in names.left_out
    needed = [name for name in needed if not (by_prompt and name == "request_id")]
    our.require(needed, names, source.names, problems)
    extras = {name: spec.extra_cost for name, spec in specs.items() if spec.extra_cost}
    rest = [name for name in source.names if name not in names.of.values()]
    _named_signals(specs, rest, problems)
    problems.stop()
    unnamed = [n for n in rest if our.is_free(n) and n not in specs and n not in extras.values()]
    could = candidates(source, unnamed)
    recorded = DECISIONS_KEY in source.extras()  # of policies, which had asked for them
    asked = [*specs, *(could.signals if recorded else ())]
    columns = {name: name if name in rest else column_of(name) for name in asked}
    columns = dict(sorted(columns.items(), key=lambda it: rest.index(it[1])))
    unasked = [name for name in could.signals if name not in columns.values()]
    of = {ours: theirs for ours, theirs in names.of.items() if ours not in _TEXTS}
    table = source.read(
        list(dict.fromkeys([*of.values(), *columns.values(), *unasked, *extras.values()]))
    )
    return Frame(
        columns={
            **_stand_ins(of, source.n_rows, names.left_out),
            **{it: table.column(of[it]) for it in of},
        },
        milliseconds=names.milliseconds,
        signals={name: table.column(theirs) for name, theirs in columns.items()},
        extras={name: table.column(theirs) for name, theirs in extras.items()},
        ignored=tuple(name for name in could.ignored if proposal(name)),
        file_rows=source.n_rows,
        line=source.line,
        part=source.part,
        prompt=names.of.get("prompt"),
        responses={None: names.of["response"]} if "response" in names else {},
        unjudged=recorded or "quality" not in needed,
        messages=names.of.get("messages"),
        unasked={name: table.column(name) for name in unasked},
        negated=frozenset(name for name, theirs in columns.items() if name != theirs),
        prompts=_reader(source, names),
    )


def _stand_ins(of: Collection[str], n: int, left_out: Collection[str]) -> dict[str, Any]:
    """Ids and a model for (n,) rows that have none; no ids where others are to be found."""
    found: dict[str, Any] = {}
    if "request_id" not in of and "request_id" not in left_out:
        found["request_id"] = pa.chunked_array([[str(row + 1) for row in range(n)]])
    if "model" not in of:
        found["model"] = pa.chunked_array([[UNNAMED] * n])
    return found


def _reader(source: RowSource, names: ColumnNames) -> Callable[..., list[str]] | None:
    """Reads what the first rows say, or all; None where there are neither messages nor prompts."""
    columns = [names.of[it] for it in ("messages", "prompt") if it in names]
    return partial(_prompts, source, columns) if columns else None


def _prompts(source: RowSource, columns: Sequence[str], n: int | None = None) -> list[str]:
    """Of each row the first of these columns that holds something."""
    rows = np.arange(source.n_rows)[:n]
    found = [""] * len(rows)
    for column in columns:
        texts = (text for _, part in source.strings(column, rows) for text in part)
        found = [
            held if held.strip() else text or "" for held, text in zip(found, texts, strict=True)
        ]
    return found


def _named_signals(
    specs: Mapping[str, SignalSpec], rest: Sequence[str], problems: Problems
) -> None:
    for name, spec in specs.items():
        held = name if name in rest else column_of(name)
        for column in (held, *filter(None, (spec.extra_cost,))):
            if column not in rest:
                problems.add(
                    f"signal {name!r}: no column {column!r} that could be it; the columns not"
                    f" used otherwise are {listed_names(rest)}{our.multiplier_hint(name, rest)}"
                )
