"""Any file of requests and responses, with the user's word for where each value stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from routelab.core.messages import nearest
from routelab.errors import LogError
from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    amount,
    answer_of,
    between_s,
    fields,
    moment_s,
    number,
    parsed,
    text,
    tokens_within,
)

_NO_CALL = SkippedRecord("has no request id")
_CACHED = SkippedRecord("is a reply from a cache, with the cost and time of no model")

_GUESSED: Mapping[str, tuple[str, ...]] = {
    "request_id": ("request_id", "id", "response.id", "trace_id"),
    "model": ("model", "request.model", "body.model", "response.model"),
    "served_model": ("response.model", "response_model"),
    "messages": (
        "messages",
        "request.messages",
        "body.messages",
        "request.input",
        "prompt",
        "input",
    ),
    "response": ("response", "completion", "output", "answer"),
    "usage": ("usage", "response.usage"),
    "timestamp": ("timestamp", "created_at", "start_time", "time", "response.created"),
    "end_time": ("end_time", "ended_at"),
    "session_id": ("session_id", "conversation_id", "thread_id"),
    "task": ("task", "route", "use_case"),
    "tenant": ("tenant", "user_id", "customer_id"),
    "latency_s": ("latency_s", "duration_s"),
    "latency_ms": ("latency_ms", "duration_ms", "elapsed_ms"),
    "cost_usd": ("cost_usd", "cost", "total_cost", "response_cost"),
    "currency": ("currency", "cost_currency"),
    "cached": ("cache_hit", "cached", "from_cache"),
    "quality": ("quality",),
    "propensity": ("propensity",),
    "error": ("error",),
    "prompt_tokens": ("prompt_tokens", "input_tokens"),
    "completion_tokens": ("completion_tokens", "output_tokens"),
    "service_tier": ("service_tier", "response.service_tier"),
}
"""Where values stand that the user says nothing of."""


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    """Each value is at the place that the user names, else at one of those it usually has.

    Raises:
        LogError: the user names values that a call has not.
    """
    del path
    problems = [
        f"column {name}={place}: a call has no {name!r}"
        + (f"; {meant} is meant?" if (meant := nearest(name, _GUESSED)) else "")
        + f"; it has {', '.join(_GUESSED)}"
        for name, place in columns.items()
        if name not in _GUESSED
    ]
    if problems:
        raise LogError(*problems)
    found = {
        name: _reader((columns[name],) if name in columns else places)
        for name, places in _GUESSED.items()
    }

    def convert(record: Fields, _file: Path) -> Converted:
        return _call(record, found)

    return convert


def _reader(places: tuple[str, ...]) -> Callable[[Fields], Any]:
    """Reads the first of several places that has anything."""
    paths = [place.split(".") for place in places]

    def read(record: Fields) -> Any:
        for path in paths:
            value: Any = record
            for key in path:
                value = _at(value, key)
                if value is None:
                    break
            if value is not None and value != "":
                return value
        return None

    return read


def _at(value: object, key: str) -> Any:
    """A field of an object, or an element of a list."""
    if isinstance(value, str):
        value = parsed(value)
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list) and key.isdigit() and int(key) < len(value):
        return value[int(key)]
    return None


def _call(record: Fields, read: Mapping[str, Callable[[Fields], Any]]) -> Converted:
    name = text(read["request_id"](record))
    if not name:
        return _NO_CALL
    if text(read["cached"](record)).lower() in ("true", "hit"):
        return _CACHED
    start = moment_s(read["timestamp"](record))
    latency_s = amount(read["latency_s"](record))
    if latency_s is None and (took_ms := amount(read["latency_ms"](record))) is not None:
        latency_s = took_ms / 1e3
    if latency_s is None:
        latency_s = between_s(start, moment_s(read["end_time"](record)))
    usage = dict(fields(read["usage"](record)))
    for count in ("prompt_tokens", "completion_tokens"):
        if (own := read[count](record)) is not None:
            usage[count] = own
    error = read["error"](record)
    return LoggedCall(
        request_id=name,
        model=text(read["model"](record)),
        served_model=text(read["served_model"](record)),
        messages=parsed(read["messages"](record)),
        response=answer_of(parsed(read["response"](record))),
        session_id=text(read["session_id"](record)),
        task=text(read["task"](record)),
        tenant=text(read["tenant"](record)),
        timestamp=start,
        latency_s=latency_s,
        cost_usd=amount(read["cost_usd"](record)),
        currency=text(read["currency"](record)),
        quality=number(read["quality"](record)),
        propensity=number(read["propensity"](record)),
        service_tier=text(read["service_tier"](record)),
        error="" if error in (None, False, "", 0) else text(error),
        **tokens_within(usage),
    )


IMPORTER = CallImporter(
    name="calls",
    summary="Request and response pairs, with the columns NAME=PLACE for where values stand.",
    layout="a file or folder of JSON Lines, JSON, CSV or Parquet.",
    example="calls.jsonl",
    open=_open,
    rows_at=("data",),
)
