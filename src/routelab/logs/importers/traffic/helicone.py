"""Helicone: exported requests.

Source: fields of `@helicone/export` and of /v1/request/query-clickhouse, November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    amount,
    answer_of,
    counted,
    fields,
    first,
    moment_s,
    number,
    parsed,
    propensity_in,
    text,
)

_CACHED = SkippedRecord("is a reply from Helicone's cache, with the cost and time of no model")
_NO_REFERENCE = "00000000-0000-0000-0000-000000000000"
"""What Helicone writes where a reply is of no earlier one."""
_SESSION = "Helicone-Session-Id"


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path, columns
    return _convert


def _convert(record: Fields, _file: Path) -> Converted:
    if text(record.get("cache_reference_id")) not in ("", _NO_REFERENCE):
        return _CACHED
    properties = fields(record.get("request_properties") or record.get("properties"))
    sent, answer = parsed(record.get("request_body")), parsed(record.get("response_body"))
    status = number(record.get("response_status"))
    failed = status is not None and not 200 <= status < 300
    took_ms = amount(record.get("delay_ms"))
    asked = text(fields(sent).get("model") or record.get("request_model"))
    marks = {
        f"score.{name}": known
        for name, value in fields(record.get("scores")).items()
        if (known := number(value)) is not None
    }
    if isinstance(rating := record.get("feedback_rating"), bool):
        marks["human.feedback_rating"] = float(rating)
    return LoggedCall(
        request_id=text(record.get("request_id")),
        model=asked or text(record.get("response_model")),
        served_model=text(record.get("response_model") or record.get("model_override")),
        messages=fields(sent).get("messages", fields(sent).get("input")),
        response=answer_of(answer),
        session_id=text(properties.get(_SESSION)),
        tenant=text(record.get("request_user_id")),
        timestamp=moment_s(record.get("request_created_at")),
        latency_s=None if took_ms is None else took_ms / 1e3,
        cost_usd=amount(first(record, "costUSD", "cost_usd", "cost")),
        propensity=propensity_in(properties),
        error=f"status {status:.0f}" if failed and status is not None else "",
        numbers=marks,
        **counted(
            record.get("prompt_tokens"),
            record.get("completion_tokens"),
            record.get("prompt_cache_read_tokens"),
            record.get("prompt_cache_write_tokens"),
            reasoning=record.get("reasoning_tokens"),
            beside=_beside(record),
        ),
    )


def _beside(record: Fields) -> bool:
    """Whether the prompt's tokens leave out those of caches: unless all add up without them."""
    prompt, completion, total = (
        amount(record.get(it)) for it in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if prompt is None or completion is None or total is None:
        return True
    return total != prompt + completion


IMPORTER = CallImporter(
    name="helicone",
    summary="Helicone's exported requests.",
    layout="a file or folder of JSON, JSON Lines or CSV, with bodies for prompts.",
    example="helicone.jsonl",
    open=_open,
    rows_at=("data",),
)
