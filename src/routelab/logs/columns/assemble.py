"""Checked rows to logs: dense arrays, or the steps taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.storage import limits, raised
from routelab.errors import LogError
from routelab.logs.columns.frame import Frame
from routelab.logs.columns.names import PARTS
from routelab.logs.columns.rows import LogRows
from routelab.logs.formats import FileTexts, RowSource
from routelab.logs.model import Log, PartialLog, Problems

_OUTCOMES = ("quality", "cost_usd", "latency_s", "prompt_tokens", "completion_tokens")


def complete(rows: LogRows, problems: Problems) -> Log:
    """Outcomes as (n, m) arrays; a pair without a row is NaN everywhere.

    Rows with an `attempt` above 0 are further samples of a model.

    Raises:
        LogError: a pair has two rows, or whatever `problems` holds.
    """
    problems.stop()
    _check_sparse(rows)
    number = sample_numbers(rows)
    _no_twins(rows, number, problems)
    problems.stop()
    first, *again = (_sample(rows, number == at) for at in range(int(number.max()) + 1))
    return replace(first, again=tuple(again))


def sample_numbers(rows: LogRows) -> Ints:
    """(N,) which sample of its model each row is."""
    return rows.values.get("attempt", np.zeros(len(rows.model))).astype(np.int64)


def _sample(rows: LogRows, here: Bools) -> Log:
    """The outcomes in some of the rows."""
    n, m = len(rows.requests), len(rows.models)
    at = (rows.model * n + rows.request)[here]

    def dense(values: Floats) -> Floats:
        flat = np.full(n * m, np.nan)
        flat[at] = values[here]
        return flat.reshape((n, m), order="F")

    outcomes: dict[str, Any] = {name: dense(rows.values[name]) for name in _OUTCOMES}
    error: Bools = np.zeros(n * m, dtype=np.bool_)
    error[at] = rows.error[here]
    return Log(
        requests=rows.requests,
        models=rows.models,
        **outcomes,
        error=error.reshape((n, m), order="F"),
        signals={name: dense(values) for name, values in rows.signals.items()},
        extra_usd={name: dense(values) for name, values in rows.extra_usd.items()},
        unasked={name: dense(values) for name, values in rows.unasked.items()},
        token_parts={name: dense(rows.values[name]) for name in PARTS if name in rows.values},
    )


_SHARE = 64
"""Cells for each row of a log that are no more than it may need, however many they are."""


def _check_sparse(rows: LogRows) -> None:
    """Refuse a log in which hardly any model answered any request: its arrays would be empty.

    Raises:
        LogError: it is one.
    """
    cells = len(rows.requests) * len(rows.models)
    arrays = len(_OUTCOMES) + len(rows.signals) + len(rows.extra_usd) + len(rows.unasked) + 1
    most = max(limits().cells, _SHARE * len(rows.model) * arrays)
    if cells * arrays > most:
        raise LogError(
            f"{len(rows.requests):,} requests and {len(rows.models):,} models have"
            f" {len(rows.model):,} rows, and {arrays} columns: {cells * arrays:,} numbers, more"
            f" than {most:,}, hardly any of them known; leave out models with few rows, or"
            f" {raised('cells')}"
        )


def partial(rows: LogRows, problems: Problems) -> PartialLog:
    """Outcomes as steps (s), by request and then by step.

    Without a step column the steps of a request are its rows in the order of the file.

    Raises:
        LogError: a request has two rows for one step, or whatever `problems` holds.
    """
    step = rows.values.get("step", _nth(rows.request))
    order = np.lexsort((step, rows.request))
    twins = np.zeros(len(order), dtype=np.bool_)
    twins[order[1:]] = (np.diff(rows.request[order]) == 0) & (np.diff(step[order]) == 0)
    problems.each(
        twins,
        lambda row: (
            f"request {rows.requests.id[rows.request[row]]!r} has two rows for step"
            f" {step[row]:.0f}; number its steps 0, 1, 2"
        ),
    )
    problems.stop()

    def pick(values: Mapping[str, Floats]) -> dict[str, Any]:
        return {name: column[order] for name, column in values.items()}

    return PartialLog(
        requests=rows.requests,
        models=rows.models,
        request=rows.request[order],
        model=rows.model[order],
        step=step[order].astype(np.int64),
        propensity=rows.values.get("propensity", np.full(len(order), np.nan))[order],
        **pick({name: rows.values[name] for name in _OUTCOMES}),
        error=rows.error[order],
        signals=pick(rows.signals),
        extra_usd=pick(rows.extra_usd),
        unasked=pick(rows.unasked),
        ended=_ended(rows, order),
    )


def _ended(rows: LogRows, order: Ints) -> Floats | None:
    """(n,) probability of ending after the last step; None where the file says nothing of it."""
    values = rows.values.get("end_propensity")
    if values is None:
        return None
    last = np.flatnonzero(np.diff(rows.request[order], append=-1))
    return np.asarray(values[order[last]])


def texts(source: RowSource, frame: Frame, rows: LogRows, sample: int = 0) -> FileTexts | None:
    """Where the texts of these rows stand in their file; None if it has no prompts and no
    messages.

    Args:
        sample: whose answers.
    """
    if frame.prompt is None and frame.messages is None:
        return None
    found = {}
    for index, model in enumerate(rows.models):
        column = frame.responses.get(model, frame.responses.get(None))
        if column is not None:
            of_model = (rows.model == index) & (sample_numbers(rows) == sample)
            found[model] = (column, _answers(rows, of_model, frame.file_rows))
    first = rows.first % frame.file_rows
    return FileTexts(source, frame.prompt, first, found, frame.messages)


def _answers(rows: LogRows, of_model: Bools, file_rows: int) -> Ints:
    at = np.full(len(rows.requests), -1, dtype=np.int64)
    here = np.flatnonzero(of_model)[::-1]
    at[rows.request[here]] = here % file_rows
    return at


def _nth(request: Ints) -> Floats:
    """(N,) how many earlier rows each row's request has."""
    order = np.argsort(request, kind="stable")
    starts = np.flatnonzero(np.diff(request[order], prepend=-1))
    nth = np.empty(len(request))
    nth[order] = np.arange(len(request)) - np.repeat(starts, np.diff(starts, append=len(request)))
    return nth


def _no_twins(rows: LogRows, number: Ints, problems: Problems) -> None:
    n, m = len(rows.requests), len(rows.models)

    def say(cell: int) -> str:
        rest, request = divmod(cell, n)
        sample, model = divmod(rest, m)
        return (
            f"request {rows.requests.id[request]!r} has more than one row of model"
            f" {rows.models[model]!r}{f' with attempt {sample}' if sample else ''}; remove them,"
            " add an attempt column if they are samples, or a step column if they are steps"
        )

    problems.each(np.bincount((number * m + rows.model) * n + rows.request) > 1, say)
