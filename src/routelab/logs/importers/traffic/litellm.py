"""LiteLLM: spend logs, and payloads of its standard logging.

Source: `litellm/proxy/schema.prisma` (LiteLLM_SpendLogs) and `litellm/types/utils.py`
(StandardLoggingPayload, StandardLoggingRoutingDecision) of litellm 1.110.
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
    TokenCounts,
    amount,
    answer_of,
    between_s,
    fields,
    first,
    moment_s,
    number,
    parsed,
    propensity_in,
    text,
    tokens_within,
)

_CACHED = SkippedRecord("is a reply from LiteLLM's cache, with the cost and time of no model")
_SHADOW = SkippedRecord("is shadow traffic, which nobody was served")
_NO_CHAT = SkippedRecord("is no call of a chat model")
_INTERNAL = SkippedRecord("is a call that LiteLLM made for itself: a judge, a classifier or a poll")

_CHATS = (
    "completion",
    "acompletion",
    "text_completion",
    "atext_completion",
    "responses",
    "aresponses",
    "anthropic_messages",
    "",
)

_REPLAYED = (
    "session_affinity_pin",
    "session_affinity_escalation",
    "user_turn_continuation",
    "health_failover",
    "health_default_fallback",
    "prompt_cache_cost",
    "housekeeping",
    "plan_mode",
)
"""Causes of a route that are an earlier decision, or a failover, and none on this request."""

_KEPT = {
    name: f"routing.{name}"
    for name in (
        "score",
        "classifier_confidence",
        "classifier_p_solve",
        "classifier_calibrated_p_solve",
    )
}


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path, columns
    return _convert


def _convert(record: Fields, _file: Path) -> Converted:
    metadata = fields(record.get("metadata"))
    if text(record.get("cache_hit")).lower() in ("true", "1"):
        return _CACHED
    if metadata.get("is_silent_experiment"):
        return _SHADOW
    if text(record.get("call_type")).rsplit(".", 1)[-1] not in _CHATS:
        return _NO_CHAT
    if metadata.get("internal_call_origin"):
        return _INTERNAL
    start = moment_s(record.get("startTime"))
    latency_s = between_s(start, moment_s(record.get("endTime")))
    if latency_s is None and (took_ms := amount(record.get("request_duration_ms"))) is not None:
        latency_s = took_ms / 1e3
    status = text(record.get("status") or metadata.get("status"))
    failed = status == "failure" or bool(record.get("error_str"))
    propensity, numbers = _decision(fields(metadata.get("routing_decision")))
    if propensity is None:
        propensity = propensity_in(
            fields(metadata.get("requester_metadata")), fields(metadata.get("spend_logs_metadata"))
        )
    asked = text(record.get("model"))
    return LoggedCall(
        request_id=text(record.get("request_id") or record.get("id")),
        model=text(record.get("model_group")) or asked,
        served_model=asked,
        messages=_sent(record),
        response=answer_of(parsed(record.get("response"))),
        session_id=text(record.get("session_id")),
        tenant=text(record.get("team_id") or metadata.get("user_api_key_team_id")),
        timestamp=start,
        cost_usd=amount(first(record, "spend", "response_cost")),
        latency_s=latency_s,
        service_tier=text(fields(metadata.get("cost_breakdown")).get("service_tier")),
        error=(text(record.get("error_str")) or "failed") if failed else "",
        propensity=propensity,
        numbers=numbers,
        **_tokens(record, metadata),
    )


def _tokens(record: Fields, metadata: Fields) -> TokenCounts:
    usage = fields(metadata.get("usage_object"))
    return tokens_within(usage, record) if usage else tokens_within(record)


def _sent(record: Fields) -> object:
    """Messages, or the input of a response; those of the body where the row keeps it there."""
    sent = parsed(record.get("messages"))
    if sent and isinstance(sent, list | str):
        return sent
    body = fields(record.get("proxy_server_request"))
    for found in (body.get("messages"), body.get("input")):
        sent = parsed(found)
        if sent and isinstance(sent, list | str):
            return sent
    return None


def _decision(decision: Fields) -> tuple[float | None, dict[str, float]]:
    """The propensity of a route, where it is known, and the scores it was made by."""
    if not decision:
        return None, {}
    cause = text(decision.get("cause"))
    own = number(fields(decision.get("routelab")).get("propensity"))  # of routelab's plug-in
    numbers = {}
    for name, column in _KEPT.items():
        if (known := number(decision.get(name))) is not None:
            numbers[column] = known
    if own is not None and 0.0 < own <= 1.0:
        return own, numbers
    replayed = cause in _REPLAYED or cause.endswith("_fallback") or cause.startswith("modality_")
    unknown = not cause or cause == "bandit" or replayed
    return None if unknown else 1.0, numbers


IMPORTER = CallImporter(
    name="litellm",
    summary="LiteLLM's spend logs and standard logging payloads.",
    layout="a file or folder of JSON, JSON Lines, CSV or Parquet: rows of LiteLLM_SpendLogs, of"
    " /spend/logs, or one StandardLoggingPayload a line.",
    example="spend.jsonl",
    open=_open,
    rows_at=("data", "logs"),
    notes=(
        "quality is not in a spend log: join judgements by request_id before a policy is tuned",
    ),
)
