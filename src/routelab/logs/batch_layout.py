"""A record batch with a row per request as a log, without copying more than its numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from routelab.core import Bools, Floats, SignalSpec
from routelab.logs.columns import (
    FARTHEST,
    MOST,
    ROUNDING,
    ColumnNames,
    failed_numbers,
    wide,
)
from routelab.logs.formats import RowSource, TextsInMemory, arrow, said
from routelab.logs.model import Log, Requests

_PLAIN = {
    *("request_id", "prompt", "messages", "task", "group", "session_id", "timestamp"),
    *("tenant", "priority", "split"),
}
"""Columns of requests that batches can have; with others a file is read as a whole."""
_NOT_CODED = ("prompt", "messages", "session_id", "timestamp")


@dataclass(frozen=True)
class BatchLayout:
    """Which columns hold what, where a row is a request.

    Attributes:
        requests: our name of a column of requests to the file's.
        models: our name of what is known of each model to the file's column, by model.
        ticks: of a timestamp per second.
        milliseconds: latencies are.
    """

    requests: Mapping[str, str]
    models: Mapping[str, Mapping[str, str]]
    ticks: float
    milliseconds: bool

    @property
    def signal_names(self) -> tuple[str, ...]:
        """Signals of any model."""
        found = (name for columns in self.models.values() for name in columns)
        return tuple(
            dict.fromkeys(
                it.removeprefix(wide.SIGNAL) for it in found if it.startswith(wide.SIGNAL)
            )
        )

    def read(self, also: Collection[str]) -> list[str]:
        """The file's columns to read: of every model, and these of requests."""
        wanted = {*also, "messages"} if "prompt" in also else set(also)
        of_requests = [c for n, c in self.requests.items() if n in wanted]
        of_models = [c for columns in self.models.values() for c in columns.values()]
        return list(dict.fromkeys([*of_requests, *of_models]))


def layout(
    source: RowSource,
    types: Mapping[str, Any],
    names: ColumnNames,
    specs: Mapping[str, SignalSpec],
    models: Sequence[str],
) -> BatchLayout | None:
    """How to read batches of a table with a row per request; None where that cannot be done.

    Args:
        types: of the columns.
    """
    of = wide.columns_of(source, specs, models)
    known = {"quality", "cost_usd", "latency_s", "error"}
    known_of = {
        model: {n: c for n, c in columns.items() if n in known or n.startswith(wide.SIGNAL)}
        for model, columns in of.items()
    }
    of_requests = {n: c for n, c in names.of.items() if n not in ("quality", "cost_usd")}
    complete = all({"quality", "cost_usd"} <= set(columns) for columns in known_of.values())
    read = [c for columns in known_of.values() for c in columns.values()]
    numeric = all(_plain_number(types[c]) for c in read)
    extra = any(spec.extra_cost for spec in specs.values())
    if extra or not complete or not numeric or not set(of_requests) <= _PLAIN:
        return None
    ticks = 1e3 if "timestamp" in names.milliseconds else 1.0
    return BatchLayout(of_requests, known_of, ticks, bool(wide.milliseconds(of)))


def log_of(
    batch: Any,
    how: BatchLayout,
    models: tuple[str, ...],
    specs: Mapping[str, SignalSpec],
    path: Path,
) -> Log | None:
    """A batch as a log; None where a value in it cannot be.

    Args:
        models: of the whole log; specs: of its signals; path: of it.
    Raises:
        LogError: messages that are none, whose place is not known here.
    """
    n, shape = len(batch), (len(batch), len(models))

    numbers = partial(_numbers, batch, how, models)
    quality, cost, latency = numbers("quality"), numbers("cost_usd"), numbers("latency_s")
    failed = numbers("error")
    assert quality is not None
    assert cost is not None
    error: Bools = np.zeros(shape, dtype=np.bool_, order="F")
    signals = {name: numbers(wide.SIGNAL + name) for name in how.signal_names}
    if failed is not None:
        error = np.asfortranarray(failed_numbers(failed))
        quality[error] = 0.0
        cost[error & np.isnan(cost)] = 0.0
        for values in signals.values():
            assert values is not None
            values[error] = np.nan
    unseen = np.broadcast_to(np.nan, shape)
    if latency is not None and how.milliseconds:
        latency /= 1e3
    quality, notes = _without_rounding(quality)
    if not _possible(quality, cost, latency, signals):
        return None
    return Log(
        requests=_requests(batch, how, n),
        models=models,
        quality=quality,
        cost_usd=cost,
        latency_s=unseen if latency is None else latency,
        prompt_tokens=unseen,
        completion_tokens=unseen,
        error=error,
        signals={name: values for name, values in signals.items() if values is not None},
        specs=specs,
        texts=_texts(batch, how),
        notes=notes,
        path=path,
    )


def _numbers(batch: Any, how: BatchLayout, models: tuple[str, ...], name: str) -> Floats | None:
    """(n, m) of each model; None where no model has such a column."""
    if not any(name in columns for columns in how.models.values()):
        return None
    found = np.empty((len(batch), len(models)), order="F")
    for at, model in enumerate(models):
        column = how.models[model].get(name)
        found[:, at] = np.nan if column is None else _number(batch.column(column))
        if name.removeprefix(wide.SIGNAL) in wide.negated(how.models[model]):
            found[:, at] *= -1
    return found


def _requests(batch: Any, how: BatchLayout, n: int) -> Requests:
    found: dict[str, Any] = {}
    for ours, theirs in how.requests.items():
        if theirs in batch.schema.names and ours not in _NOT_CODED:
            coded = arrow.coded(pa.chunked_array([batch.column(theirs)]))
            found["id" if ours == "request_id" else ours] = coded.values[coded.codes]
    found.setdefault("id", np.empty(n, dtype=object))
    return Requests(**found)


def _texts(batch: Any, how: BatchLayout) -> TextsInMemory | None:
    nothing: list[str | None] = [None] * len(batch)
    columns = [how.requests.get(name) for name in ("prompt", "messages")]
    there = [column if column in batch.schema.names else None for column in columns]
    if there == [None, None]:
        return None
    cells = (nothing if it is None else arrow.as_text(batch.column(it)).to_pylist() for it in there)
    return TextsInMemory([*map(said, *cells)])


def _number(column: Any) -> Floats:
    return arrow.numbers(column)[0]


def _plain_number(kind: Any) -> bool:
    return arrow.is_number(kind) or bool(pa.types.is_null(kind))


def _possible(
    quality: Floats, cost: Floats, latency: Floats | None, signals: Mapping[str, Floats | None]
) -> bool:
    """Whether every value is one that a log can hold; NaN is none at all."""
    counted = (cost,) if latency is None else (cost, latency)
    not_negative = all(_within(values, 0.0, MOST) for values in counted)
    finite = all(_finite(values) for values in signals.values() if values is not None)
    return not_negative and finite and _within(quality, 0.0, 1.0)


def _without_rounding(quality: Floats) -> tuple[Floats, tuple[str, ...]]:
    """Qualities, those off [0, 1] by rounding brought back, and a note if there are any."""
    if _within(quality, 0.0, 1.0) or not _within(quality, -ROUNDING, 1 + ROUNDING):
        return quality, ()
    clipped = np.asfortranarray(np.clip(quality, 0.0, 1.0))
    return clipped, ("quality is off [0, 1] by rounding, and is clipped",)


def _within(values: Floats, low: float, high: float) -> bool:
    if not values.size:
        return True
    least, most = values.min(), values.max()
    if np.isnan(least):  # rarer, and ten times slower
        least = np.fmin.reduce(values, axis=None)
        most = np.fmax.reduce(values, axis=None)
    return bool(np.isnan(least) or (least >= low and most <= high))


def _finite(values: Floats) -> bool:
    return _within(values, -FARTHEST, FARTHEST)
