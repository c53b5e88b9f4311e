"""A file's rows in long form under our names, whichever form the file has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from routelab.core import SignalSpec
from routelab.logs.columns import names as our
from routelab.logs.columns.candidates import candidates
from routelab.logs.columns.names import ColumnNames, listed_names
from routelab.logs.columns.parquet_metadata import DECISIONS_KEY
from routelab.logs.formats import RowSource
from routelab.logs.model import Problems

_TEXTS = ("prompt", "response")


@dataclass(frozen=True, eq=False)
class Frame:
    """Rows (N), one per request and model, as Arrow columns that nobody checked yet.

    Attributes:
        columns: by our name.
        milliseconds: our names whose values are milliseconds.
        signals, extras: confidence by name, and the USD that obtaining it adds.
        ignored: the file's columns that hold mostly text, and some numbers.
        file_rows: rows of the file; row r of these stands in the file's row r % file_rows.
        line: of a row of the file, from 1; None where a file has no lines.
        part: of several files, the one in which a row stands, and its number there.
        prompt: the file's column of prompts.
        responses: the file's column of answers, by model; under None for every model.
        unjudged: the file was written before anybody could judge the answers.
        scale: worst and best quality; None for 0 and 1.
        prompts: reads those of the first rows, or of all; None where there are none, or one row
            of the file is one request.
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
    scale: tuple[float, float] | None = None
    prompts: Callable[..., list[str]] | None = None


def long_frame(
    source: RowSource, names: ColumnNames, specs: Mapping[str, SignalSpec], problems: Problems
) -> Frame:
    """A row per request and model.

    Args:
        source: the file.
        names: our names of its columns.
        specs: what signals cost; those with an `extra_cost` need that column.
        problems: takes what is wrong.
    Raises:
        LogError: a column that is needed or named is not there.
    """
    needed = ("model", "quality") if "request_id" in names.left_out else our.NEEDED
    our.require(needed, names, source.names, problems)
    extras = {name: spec.extra_cost for name, spec in specs.items() if spec.extra_cost}
    rest = [name for name in source.names if name not in names.of.values()]
    _named_signals(specs, rest, problems)
    problems.stop()
    unnamed = [n for n in rest if our.is_free(n) and n not in specs and n not in extras.values()]
    could = candidates(source, unnamed)
    signals = [name for name in rest if name in specs or name in could.signals]
    of = {ours: theirs for ours, theirs in names.of.items() if ours not in _TEXTS}
    table = source.read([*of.values(), *signals, *extras.values()])
    return Frame(
        columns={ours: table.column(theirs) for ours, theirs in of.items()},
        milliseconds=names.milliseconds,
        signals={name: table.column(name) for name in signals},
        extras={name: table.column(theirs) for name, theirs in extras.items()},
        ignored=could.ignored,
        file_rows=source.n_rows,
        line=source.line,
        part=source.part,
        prompt=names.of.get("prompt"),
        responses={None: names.of["response"]} if "response" in names else {},
        unjudged=DECISIONS_KEY in source.extras(),
        prompts=partial(_prompts, source, names.of["prompt"]) if "prompt" in names else None,
    )


def _prompts(source: RowSource, column: str, n: int | None = None) -> list[str]:
    """Prompts of the first rows, or of all."""
    rows = np.arange(source.n_rows)[:n]
    return [text or "" for _, texts in source.strings(column, rows) for text in texts]


def _named_signals(
    specs: Mapping[str, SignalSpec], rest: Sequence[str], problems: Problems
) -> None:
    for name, spec in specs.items():
        for column in filter(None, (name, spec.extra_cost)):
            if column not in rest:
                problems.add(
                    f"signal {name!r}: no column {column!r} that could be it; the columns not"
                    f" used otherwise are {listed_names(rest)}{our.multiplier_hint(name, rest)}"
                )
