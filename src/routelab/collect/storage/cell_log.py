"""A collection as a log: a row for each request and model, which `routelab tune` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from routelab.collect.storage.collection import CollectedCell, Collection
from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.errors import CollectError
from routelab.logs.importers.calls import LoggedCall, write_calls

LOG = "log.parquet"
"""Of a collection, in its folder, so that the folder reads as a log."""

Grades: TypeAlias = Callable[[CollectedCell], Mapping[str, float | None]]
"""Gives the grades of a cell by column; `quality` is the one that tuning reads, in [0, 1]."""

_NONE: Mapping[str, float | None] = {}
_NO_ANSWER = ("failed", "too_long")


def signal_column(spec: str) -> str:
    """The column of a signal, by its source: `agreement_3` of `agreement:3`, `x` of `column:x`."""
    return spec.removeprefix("column:").replace(":", "_").replace(".", "_")


def signal_specs(signals: tuple[str, ...]) -> dict[str, SignalSpec]:
    """What signals of a collection cost, by the column that each has in its log.

    Args:
        signals: as the manifest has them.
    """
    return {
        signal_column(it): SignalSpec(
            extra_cost=None if it.startswith("column:") else f"{signal_column(it)}_usd",
            source="" if it == "self_check" else it,
        )
        for it in signals
    }


def write_log(collection: Collection, out: Path, grades: Grades = lambda _: _NONE) -> int:
    """Write every cell that is over as a row of a log; a file at `out` is replaced atomically.

    Rows are in the order of the requests, then of the models, so that the same answers give the
    same log, and the same figures, however often asking was stopped.
    Answers that were cut, refused or empty stand in it with that word in the column `outcome`; a
    cell without an answer has its reason in the column `error`.

    Args:
        collection: to write.
        out: ends in .parquet.
        grades: of each cell.
    Returns:
        How many rows the log has.
    Raises:
        CollectError: no cell is over, or the log cannot be written.
        LogError: `out` is no place for a log.
    """
    catalogue = Catalogue({arm.name: arm.model for arm in collection.manifest.arms})
    specs = signal_specs(collection.manifest.signals)
    calls = _calls(collection, grades)
    first = next(calls, None)
    if first is None:
        raise CollectError(f"{collection.path}: no cell is over, so there is no log to write")

    def every() -> Iterator[LoggedCall]:
        yield first
        yield from calls

    try:
        return write_calls(every(), out, signals=specs, catalogue=catalogue)
    except OSError as error:
        raise CollectError(f"{out}: cannot be written: {error.strerror or error}") from error


def _calls(collection: Collection, grades: Grades) -> Iterator[LoggedCall]:
    for it in collection.cells(ordered=True):
        yield logged_call(it, grades(it))


def logged_call(collected: CollectedCell, grades: Mapping[str, float | None]) -> LoggedCall:
    """A cell as a row of a log.

    Args:
        collected: the cell.
        grades: of it, by column.
    """
    request, model, cell = collected
    failed = cell.outcome in _NO_ANSWER
    numbers = {name: it for name, it in grades.items() if name != "quality" and it is not None}
    for spec, sure in cell.signals.items():
        numbers[signal_column(spec)] = sure
    for ending, by_spec in (("usd", cell.signal_usd), ("s", cell.signal_s)):
        for spec, extra in by_spec.items():
            numbers[f"{signal_column(spec)}_{ending}"] = extra
    named = {
        "outcome": str(cell.outcome),
        "finish": cell.finish,
        "group": request.group,
        "priority": request.priority,
    }
    return LoggedCall(
        request_id=request.id,
        model=model,
        messages=request.messages,
        response=None if failed else cell.answer,
        task=request.task,
        session_id=request.session_id,
        tenant=request.tenant,
        timestamp=request.timestamp,
        quality=grades.get("quality"),
        cost_usd=0.0 if cell.outcome == "too_long" else cell.cost_usd,
        latency_s=cell.latency_s,
        prompt_tokens=cell.prompt_tokens,
        completion_tokens=cell.completion_tokens,
        cached_tokens=cell.cached_tokens,
        reasoning_tokens=cell.reasoning_tokens,
        served_model=cell.served_model,
        error=(cell.error or cell.failure or cell.outcome) if failed else "",
        numbers=numbers,
        texts={name: it for name, it in named.items() if it},
    )
