"""MLflow: traces as JSON, or as the frame of `mlflow.search_traces` saved to a file.

Source: `mlflow/tracing/constant.py`, `mlflow/entities/trace.py`, `assessment.py` of MLflow 3.17.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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
    counted,
    fields,
    moment_s,
    number,
    parsed,
    propensity_in,
    text,
    tokens_within,
)

_JUDGE = SkippedRecord("is a trace of a scorer, whose calls nobody asked for")
_NO_CALLS = SkippedRecord("is a trace without a call of a chat model")
_CHATS = frozenset(("CHAT_MODEL", "LLM"))
_WORDS = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "pass": 1.0, "fail": 0.0}
_SOURCES = {"HUMAN": "human", "LLM_JUDGE": "judge", "CODE": "code"}


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path, columns
    return _convert


def _convert(record: Fields, _file: Path) -> Converted:
    whole = fields(record.get("trace"))
    info = fields(whole.get("info", record.get("info")))
    data = fields(whole.get("data", record.get("data")))
    tags = _pairs(record.get("tags") or info.get("tags"))
    if tags.get("mlflow.trace.sourceScorer"):
        return _JUDGE
    metadata = dict(tags) | _pairs(record.get("trace_metadata") or info.get("trace_metadata"))
    spans = _list(parsed(record.get("spans") or data.get("spans")))
    trace = text(record.get("trace_id") or info.get("trace_id") or info.get("request_id"))
    marks = dict(_marks(_list(parsed(record.get("assessments") or info.get("assessments")))))
    found = list(_calls(spans, trace, metadata, marks))
    return found or _NO_CALLS


def _calls(
    spans: Sequence[Fields], trace: str, metadata: Fields, marks: Mapping[str, Mapping[str, float]]
) -> Iterator[LoggedCall]:
    calls = [it for it in spans if text(_own(it).get("mlflow.spanType")).upper() in _CHATS]
    ids = {text(it.get("parent_span_id") or it.get("parent_id")) for it in calls}
    for span in calls:
        own = text(span.get("span_id"))
        if own in ids:
            continue  # it wraps another call, which has its tokens
        attributes = _own(span)
        sent = parsed(attributes.get("mlflow.spanInputs"))
        answer = parsed(attributes.get("mlflow.spanOutputs"))
        start = moment_s(span.get("start_time_unix_nano", span.get("start_time")))
        end = moment_s(span.get("end_time_unix_nano", span.get("end_time")))
        status = span.get("status")
        code = text(fields(status).get("code", status))
        served = text(attributes.get("mlflow.llm.model") or fields(answer).get("model"))
        usage = fields(parsed(attributes.get("mlflow.chat.tokenUsage")))
        cost = fields(parsed(attributes.get("mlflow.llm.cost")))
        yield LoggedCall(
            request_id=f"{trace}/{own}" if len(calls) > 1 else trace,
            model=text(fields(sent).get("model")) or served,
            served_model=served,
            messages=fields(sent).get("messages", fields(sent).get("input", sent)),
            response=answer_of(answer),
            task=text(metadata.get("mlflow.traceName")),
            service_tier=text(fields(answer).get("service_tier")),
            session_id=text(metadata.get("mlflow.trace.session")) or trace,
            tenant=text(metadata.get("mlflow.trace.user")),
            timestamp=start,
            latency_s=between_s(start, end),
            cost_usd=amount(cost.get("total_cost")),
            error="failed" if "ERROR" in code else "",
            propensity=propensity_in(metadata) if len(calls) == 1 else None,
            numbers={**marks.get("", {}), **marks.get(own, {})},
            **counted(
                usage.get("input_tokens"),
                usage.get("output_tokens"),
                usage.get("cache_read_input_tokens"),
                usage.get("cache_creation_input_tokens"),
                usage.get("cache_creation_input_tokens_above_1hr"),
                tokens_within(fields(fields(answer).get("usage")))["reasoning_tokens"],
            ),
        )


def _marks(assessments: Sequence[Fields]) -> Iterator[tuple[str, dict[str, float]]]:
    """Grades by span, of the trace itself under no name; people's and judges' apart."""
    found: dict[str, dict[str, float]] = {}
    for it in assessments:
        feedback = fields(it.get("feedback"))
        if it.get("valid") is False or not feedback or feedback.get("error"):
            continue
        value = feedback.get("value")
        grade = (
            float(value)
            if isinstance(value, bool)
            else _WORDS.get(value.lower())
            if isinstance(value, str) and value.lower() in _WORDS
            else number(value)
        )
        name = text(it.get("assessment_name") or it.get("name"))
        if grade is None or not name:
            continue
        source = _SOURCES.get(text(fields(it.get("source")).get("source_type")), "other")
        found.setdefault(text(it.get("span_id")), {})[f"{source}.{name}"] = grade
    yield from found.items()


def _own(span: Fields) -> Fields:
    """Attributes of a span, whose values are JSON texts."""
    return {name: _unquoted(value) for name, value in fields(span.get("attributes")).items()}


def _unquoted(value: Any) -> Any:
    return parsed(value) if isinstance(value, str) and value[:1] == '"' else value


def _pairs(value: object) -> dict[str, Any]:
    """Tags as an object, also where they are a list of keys and values."""
    value = parsed(value)
    if isinstance(value, list):
        return {text(it[0]): it[1] for it in value if isinstance(it, list | tuple) and len(it) == 2}
    return dict(fields(value))


def _list(value: object) -> Sequence[Fields]:
    return [fields(it) for it in value if fields(it)] if isinstance(value, list) else ()


IMPORTER = CallImporter(
    name="mlflow",
    summary="MLflow traces, with their assessments.",
    layout="a file or folder of traces as JSON (Trace.to_json, one a line), or the frame of"
    " mlflow.search_traces as JSON Lines.",
    example="traces.jsonl",
    open=_open,
    suffixes=(".jsonl", ".ndjson", ".json", ".parquet"),
    rows_at=("traces",),
    notes=(
        "assessments of people, judges and code are columns of their own, human.NAME, judge.NAME"
        " and code.NAME: say which is the quality where the log is read, with its column"
        " quality=human.NAME",
    ),
)
