"""Write a log as Parquet in long form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from routelab.core import Ints, SignalSpec
from routelab.core.conversation import beyond_prompt
from routelab.core.storage import replacing
from routelab.errors import LogError
from routelab.logs.columns import RESERVED, parquet_metadata
from routelab.logs.model import Log

_BLOCK = 16_384
"""Requests per row group."""
_OF_REQUESTS = ("task", "group", "split", "tenant", "priority")
_BOUNDS = ("max_cost_usd", "deadline_s")
_OUTCOMES = ("quality", "cost_usd", "latency_s", "prompt_tokens", "completion_tokens")


def write(log: Log, path: str | Path) -> Path:
    """Write every (request, model) pair of a log as a row; `read` gives an equal log back.

    The same log gives the same bytes with the same pyarrow, and a reader sees the old file
    or the new one. What no row observed is left out.

    >>> import numpy as np
    >>> import routelab
    >>> from routelab import logs
    >>> log = routelab.read("datasets/sample.parquet")
    >>> path = logs.write(log.take(np.arange(100)), "first-hundred.parquet")
    >>> len(routelab.read(path))
    100

    Raises:
        LogError: the suffix is not .parquet, or a signal has a name that means another column.
    """
    path = Path(path)
    _check(log, path)
    signals = {name: log.spec(name) for name in log.signals}  # asked for, whatever they cost
    priced = {name: _with_column(log, name) for name in log.extra_usd}
    specs = {**log.specs, **signals, **priced}
    with replacing(path) as fresh:
        _write(log, fresh, parquet_metadata.extras(specs, log.catalogue))
    return path


def _check(log: Log, path: Path) -> None:
    if path.suffix != ".parquet":
        raise LogError(f"{path.name}: a log is written as Parquet; end the name in .parquet")
    taken = sorted(RESERVED & {*log.signals, *log.unasked})
    if taken:
        raise LogError(
            f"{log.name}: a signal cannot be called {', '.join(taken)}, which is a column of a log"
        )


def _with_column(log: Log, signal: str) -> SignalSpec:
    spec = log.spec(signal)
    column = spec.extra_cost or f"{signal}_extra_usd"
    return msgspec.structs.replace(spec, multiplier=None, extra_cost=column)


def _write(log: Log, path: Path, extras: dict[bytes, bytes]) -> None:
    schema: Any = None
    writer: Any = None
    try:
        for start in range(0, len(log), _BLOCK) or (0,):
            rows = np.arange(start, min(start + _BLOCK, len(log)))
            table = _block(log, rows)
            if writer is None:
                schema = table.schema.with_metadata(extras)
                writer = pq.ParquetWriter(
                    path, schema, version="2.6", compression="zstd", compression_level=3
                )
            writer.write_table(table.replace_schema_metadata(extras), row_group_size=len(table))
    finally:
        if writer is not None:
            writer.close()


def _block(log: Log, rows: Ints) -> Any:
    """One block of requests; further samples follow the first ones."""
    if not log.again:
        return pa.table(dict(_columns(log, log, rows)))
    tables = []
    for number, sample in enumerate(log.samples):
        seen = ~np.isnan(sample.quality[rows].ravel())
        table = pa.table(dict(_columns(sample, log, rows)))
        table = table.append_column("attempt", pa.array(np.full(len(table), number)))
        tables.append(table.filter(pa.array(seen)) if number else table)
    return pa.concat_tables(tables)


def _columns(log: Log, like: Log, rows: Ints) -> Iterator[tuple[str, Any]]:
    """One sample of each request of a block, its models in the log's order.

    Args:
        like: has the columns to write.
    """
    m = len(log.models)
    yield "request_id", pa.array(np.repeat(log.requests.id[rows], m), pa.string())
    yield from _of_requests(log, rows, m)
    yield "model", pa.array(list(log.models) * len(rows), pa.string())
    for name in _OUTCOMES:
        if name == "quality" or not np.isnan(getattr(like, name)).all():
            yield name, _numbers(getattr(log, name)[rows])
    for name, values in (*log.token_parts.items(), *log.signals.items(), *log.unasked.items()):
        yield name, _numbers(values[rows])
    for name, values in log.extra_usd.items():
        yield str(_with_column(log, name).extra_cost), _numbers(values[rows])
    if any(sample.error.any() for sample in like.samples):
        yield "error", pa.array(log.error[rows].ravel())
    yield from _texts(log, like, rows, m)


def _of_requests(log: Log, rows: Ints, m: int) -> Iterator[tuple[str, Any]]:
    for name in _OF_REQUESTS:
        if (column := getattr(log.requests, name)) is not None:
            yield name, pa.array(np.repeat(column[rows], m), pa.string())
    if (times := log.requests.timestamp_s) is not None:
        yield "timestamp", _numbers(np.repeat(times[rows], m))
    if (needs := log.requests.needs) is not None:
        lists = [list(words) for words in needs[rows] for _ in range(m)]
        yield "needs", pa.array(lists, pa.list_(pa.string()))
    for name in _BOUNDS:
        if (bounds := getattr(log.requests, name)) is not None:
            yield name, _numbers(np.repeat(bounds[rows], m))
    if (audit := log.requests.audit) is not None:
        yield "audit", pa.array(np.repeat(audit[rows], m))


def _texts(log: Log, like: Log, rows: Ints, m: int) -> Iterator[tuple[str, Any]]:
    if like.texts is None:
        return
    prompts = like.texts.prompts(rows)
    yield "prompt", pa.array([prompt for prompt in prompts for _ in range(m)], pa.large_string())
    if like.texts.message_keys().any():  # in every block, since all are of one table
        beyond = [
            beyond_prompt(messages, prompt)
            for prompt, messages in zip(prompts, like.texts.messages(rows), strict=True)
        ]
        yield "messages", pa.array([it for it in beyond for _ in range(m)], pa.large_string())
    unsaid: list[str | None] = [None] * len(rows)
    answers = [log.texts.responses(rows, it) if log.texts else unsaid for it in log.models]
    flat = [answer for each in zip(*answers, strict=True) for answer in each]
    yield "response", pa.array(flat, pa.large_string())


def _numbers(values: Any) -> Any:
    return pa.array(np.asarray(values).ravel(), pa.float64(), from_pandas=True)
