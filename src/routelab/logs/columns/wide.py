"""Logs with a row per request, in RouterBench's column style.

For a model M there are the columns `M` (quality), `M|total_cost` (USD), `M|model_response`,
and by the same pattern whatever else is known of it: `M|latency_ms`, `M|confidence`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from routelab.core import SignalSpec
from routelab.logs.columns import names as our
from routelab.logs.columns.candidates import candidates
from routelab.logs.columns.frame import Frame
from routelab.logs.columns.names import ALIASES, NEEDED, OF_REQUESTS, ColumnNames, listed_names
from routelab.logs.formats import GRADES, RowSource, arrow, stacked_tables
from routelab.logs.model import Problems
from routelab.signals import column_of, proposal

_OURS = {alias: ours for ours, aliases in ALIASES.items() for alias in (ours, *aliases)}
SIGNAL, _EXTRA, _UNASKED = "signal|", "extra|", "unasked|"
_NUMBERS = ("quality", "cost_usd", "latency_s", *our.TOKENS)


def wide_models(columns: Sequence[str], graded: Collection[str] = ()) -> tuple[str, ...]:
    """Models that have a column such as `MODEL|total_cost`, in the order of the file.

    Args:
        columns: of the file.
        graded: further ones that may have a column of grades alone.
    """
    parts = [(column, *column.rpartition("|")[::2]) for column in columns]
    found = (
        column if column in graded else model
        for column, model, what in parts
        if column in graded or (model and what in _OURS)
    )
    return tuple(dict.fromkeys(found))


def wide_frame(
    source: RowSource,
    names: ColumnNames,
    specs: Mapping[str, SignalSpec],
    problems: Problems,
    models: Sequence[str],
    scale: tuple[float, float] | None = None,
    needed: Sequence[str] = NEEDED,
) -> Frame:
    """A row per request.

    Args:
        source: the file.
        names: our names of its columns.
        specs: what signals cost; those with an `extra_cost` need such a column of each model.
        problems: takes what is wrong.
        models: of which the file has columns.
        scale: worst and best quality; None for 0 and 1.
        needed: our names of columns that must be there.
    Raises:
        LogError: a column that is needed or named is not there.
    """
    could = candidates(source, _unnamed(source.names, specs, models))
    of_model = columns_of(source, specs, models)
    if "request_id" not in names.left_out:
        our.require(("request_id",), names, source.names, problems, sheet=True)
    _check(of_model, specs, source.names, problems, graded="quality" in needed)
    problems.stop()
    of_request = {name: names.of[name] for name in ("request_id", *OF_REQUESTS) if name in names}
    found = _melted(source, of_request, of_model, scale)
    return Frame(
        columns={name: found[name] for name in ALIASES if name in found},
        milliseconds=names.milliseconds | milliseconds(of_model),
        signals=_prefixed(found, SIGNAL),
        extras=_prefixed(found, _EXTRA),
        ignored=tuple(it for it in could.ignored if proposal(it.rpartition("|")[2])),
        file_rows=source.n_rows,
        scale=scale,
        line=source.line,
        part=source.part,
        prompt=names.of.get("prompt"),
        messages=names.of.get("messages"),
        responses={
            m: columns["response"] for m, columns in of_model.items() if "response" in columns
        },
        unjudged="quality" not in needed,
        unasked=_prefixed(found, _UNASKED),
        negated=frozenset(name for columns in of_model.values() for name in negated(columns)),
    )


def columns_of(
    source: RowSource, specs: Mapping[str, SignalSpec], models: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Our name of each thing known of a model, to its column, by model."""
    could = candidates(source, _unnamed(source.names, specs, models))
    return {model: _of_model(source, model, specs, could.signals) for model in models}


def _unnamed(
    there: Sequence[str], specs: Mapping[str, SignalSpec], models: Sequence[str]
) -> list[str]:
    """Columns of models that may be signals although nobody said so."""
    named = {*specs, *map(column_of, specs), *(spec.extra_cost for spec in specs.values())}
    parts = [(column, *column.rpartition("|")[::2]) for column in there]
    return [
        column
        for column, model, what in parts
        if model in models and our.is_free(what) and what not in named
    ]


def _of_model(
    source: RowSource, model: str, specs: Mapping[str, SignalSpec], signals: Collection[str]
) -> dict[str, str]:
    """Our name of each thing known of a model, to its column."""
    found = {"quality": model} if model in source.names else {}
    extras = {spec.extra_cost: name for name, spec in specs.items() if spec.extra_cost}
    for column in source.names:
        owner, _, what = column.rpartition("|")
        if owner != model:
            continue
        if what in extras:
            found[_EXTRA + extras[what]] = column
        elif what in _OURS:
            found.setdefault(_OURS[what], column)
        elif column in signals:
            found[_UNASKED + what] = column
    for name in (it for it in specs if column_of(it) not in _OURS):
        exact, opposite = f"{model}|{name}", f"{model}|{column_of(name)}"
        if (column := exact if exact in source.names else opposite) in source.names:
            found[SIGNAL + name] = column
    return found


def negated(columns: Mapping[str, str]) -> Iterable[str]:
    """The signals of a model whose values are those of a column with the opposite sign."""
    for name, column in columns.items():
        signal = name.removeprefix(SIGNAL)
        if name.startswith(SIGNAL) and not column.endswith(f"|{signal}"):
            yield signal


def _check(
    of_model: Mapping[str, Mapping[str, str]],
    specs: Mapping[str, SignalSpec],
    there: Sequence[str],
    problems: Problems,
    *,
    graded: bool,
) -> None:
    for model, columns in of_model.items():
        if graded and "quality" not in columns:
            problems.add(
                f"no column {model!r} with the quality of that model; the columns are"
                f" {listed_names(there)}"
            )
    known = {name for columns in of_model.values() for name in columns}
    there_of = {name.removeprefix(SIGNAL).removeprefix(_UNASKED) for name in known}
    for name, spec in specs.items():
        hint = our.multiplier_hint(name, there_of)
        for key, column in ((SIGNAL + name, name), (_EXTRA + name, spec.extra_cost)):
            if column and key not in known:
                problems.add(f"signal {name!r}: no model has a column 'MODEL|{column}'{hint}")
    if len(_latencies(of_model)) > 1:
        problems.add("some models have |latency_s and others |latency_ms; use one of them")


def _melted(
    source: RowSource,
    of_request: Mapping[str, str],
    of_model: Mapping[str, Mapping[str, str]],
    scale: tuple[float, float] | None,
) -> dict[str, Any]:
    tables = []
    for model, columns in of_model.items():
        held = {n: c for n, c in columns.items() if n != "response"}
        table = source.read([*of_request.values(), *held.values()])
        table = pa.table({n: table.column(c) for n, c in {**of_request, **held}.items()})
        if "request_id" not in of_request:  # a row is a request: its number is its id
            table = table.append_column("request_id", _row_numbers(len(table)))
        tables.append(table.append_column("model", _constant(model, len(table))))
    table = stacked_tables(_of_one_notation(tables, scale))
    return dict(zip(table.column_names, table.columns, strict=True))


def _of_one_notation(tables: Sequence[Any], scale: tuple[float, float] | None) -> list[Any]:
    """The tables of models, with numbers for texts where other models have numbers.

    Each model has a column of its own, whose notation says nothing of another's.
    """
    found = list(tables)
    for name in dict.fromkeys(name for table in tables for name in table.column_names):
        if name not in _NUMBERS and not name.startswith((SIGNAL, _EXTRA, _UNASKED)):
            continue
        kinds = {table.schema.field(name).type for table in tables if name in table.column_names}
        if len(kinds) == 1 and not arrow.is_worded(next(iter(kinds))):
            continue
        how: dict[str, Any] = {"counts": name in our.TOKENS}
        if name in _NUMBERS or name.startswith(_EXTRA):  # amounts, which are never a percent
            how["percent"] = None
        if name == "quality":
            how = {"words": GRADES} if scale is None else {"words": {}, "percent": 1.0}
        for at, table in enumerate(found):
            if name in table.column_names:
                read = arrow.number_column(table.column(name), **how)
                if not read.bad.any():
                    place = table.column_names.index(name)
                    numbers = pa.array(read.values, from_pandas=True)
                    found[at] = table.set_column(place, name, numbers)
    return found


def _row_numbers(n: int) -> Any:
    return pa.array([str(row + 1) for row in range(n)])


def _constant(text: str, n: int) -> Any:
    codes = pa.array(np.zeros(n, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(codes, pa.array([text]))


def _prefixed(found: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {n.removeprefix(prefix): column for n, column in found.items() if n.startswith(prefix)}


def _latencies(of_model: Mapping[str, Mapping[str, str]]) -> set[str]:
    columns = (columns.get("latency_s", "") for columns in of_model.values())
    return {column.rpartition("|")[2] for column in columns if column}


def milliseconds(of_model: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """Our names whose values are milliseconds."""
    return frozenset({"latency_s"} if "latency_ms" in _latencies(of_model) else ())
