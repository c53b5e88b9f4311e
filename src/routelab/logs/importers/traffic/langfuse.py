"""Langfuse: observations of its blob storage export, with their scores.

Source: columns of `observations_v2` and `scores`, Langfuse server 4 and 5.
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
    counted,
    decoded,
    fields,
    moment_s,
    number,
    parsed,
    propensity_in,
    record_files,
    records,
    text,
)

_OTHER = SkippedRecord("is an observation of no generation")
_JUDGE = SkippedRecord("is a call of Langfuse's own, such as a judge's, and no traffic")
_INTERNAL = ("langfuse", "llm-as-a-judge")
"""How environments begin in which Langfuse runs evaluators and experiments."""
_SCORE = SkippedRecord("is a score, which is joined to its observation")
_SOURCES = {"ANNOTATION": "human", "EVAL": "judge", "API": "api"}


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    """Scores are joined by observation, and by trace where they name none."""
    del columns
    scores = dict[str, dict[str, float]]()
    if path.is_dir() and (path / "scores").is_dir():
        for file in record_files(path / "scores", IMPORTER.suffixes):
            for record in records(file):
                _score(decoded(record.raw), scores)

    def convert(record: Fields, _file: Path) -> Converted:
        return _call(record, scores)

    return convert


def _call(record: Fields, scores: Mapping[str, Mapping[str, float]]) -> Converted:
    if "data_type" in record and "source" in record:
        return _SCORE
    if text(record.get("type")).upper() != "GENERATION":
        return _OTHER
    if text(record.get("environment")).startswith(_INTERNAL):
        return _JUDGE
    trace, own = text(record.get("trace_id")), text(record.get("id"))
    start = moment_s(record.get("start_time"))
    sent = parsed(record.get("input"))
    cost = amount(record.get("total_cost"))
    if cost is None:
        cost = amount(fields(record.get("cost_details")).get("total"))
    failed = text(record.get("level")).upper() == "ERROR"
    asked = fields(record.get("model_parameters")).get("model")
    served = text(record.get("provided_model_name") or record.get("model"))
    return LoggedCall(
        request_id=own,
        model=text(asked) or served,
        served_model=served,
        messages=fields(sent).get("messages", sent) if isinstance(sent, Mapping) else sent,
        response=answer_of(parsed(record.get("output"))),
        task=text(record.get("trace_name") or record.get("name")),
        session_id=text(record.get("session_id")) or trace,
        tenant=text(record.get("user_id")),
        timestamp=start,
        latency_s=between_s(start, moment_s(record.get("end_time"))),
        cost_usd=cost,
        propensity=propensity_in(fields(record.get("metadata"))),
        error=(text(record.get("status_message")) or "failed") if failed else "",
        numbers={**scores.get(trace, {}), **scores.get(own, {})},
        **_tokens(fields(record.get("usage_details"))),
    )


def _tokens(usage: Fields) -> TokenCounts:
    """Parts are beside the input where all of them together are the total."""
    read, written = (
        _sum(usage, "cache_read", "cached"),
        _sum(usage, "cache_creation", "cache_write"),
    )
    reasoning = _sum(usage, "reasoning")
    whole, answer, total = (amount(usage.get(it)) for it in ("input", "output", "total"))
    in_cache = (read or 0.0) + (written or 0.0)
    within = None not in (whole, answer, total) and in_cache and total == whole + answer  # type: ignore[operator]
    return counted(whole, answer, read, written, reasoning=reasoning, beside=not within)


def _sum(usage: Fields, *words: str) -> float | None:
    """Tokens of all keys in which one of these words stands."""
    found = [amount(count) for key, count in usage.items() if any(it in key for it in words)]
    known = [it for it in found if it is not None]
    return sum(known) if known else None


def _score(record: Fields, scores: dict[str, dict[str, float]]) -> None:
    value, name = number(record.get("value")), text(record.get("name"))
    key = text(record.get("observation_id")) or text(record.get("trace_id"))
    if value is None or not name or not key:
        return
    source = _SOURCES.get(text(record.get("source")), "other")
    scores.setdefault(key, {})[f"{source}.{name}"] = value


IMPORTER = CallImporter(
    name="langfuse",
    summary="Langfuse's exported observations, with scores.",
    layout="a file of observations, or the export's folder with observations_v2/ and scores/.",
    example="langfuse-export",
    open=_open,
    rows_at=("data",),
    notes=(
        "scores of people and of judges are columns of their own, human.NAME and judge.NAME: say"
        " which is the quality where the log is read: its column is quality=human.NAME",
    ),
)
