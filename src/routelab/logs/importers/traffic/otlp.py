"""OpenTelemetry traces: spans of generative models as OTLP/JSON, by whichever convention.

Sources: OTLP/JSON of opentelemetry-proto 1; the GenAI attributes under their present names and
former ones, and OpenInference 0.1.42.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

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
    content_of,
    counted,
    decoded,
    fields,
    first,
    moment_s,
    parsed,
    propensity_in,
    record_files,
    records,
    text,
)

_OTHER = SkippedRecord("is a span of no call of a chat model")
_JUDGE = SkippedRecord("is a call of a judge, and no traffic")
_NO_SPANS = SkippedRecord("holds no spans")
_CHATS = frozenset(("chat", "text_completion", "generate_content", "completion"))
_EVALUATION, _EVALUATOR = "gen_ai.evaluation.result", "EVALUATOR"
_ERROR = (2, "STATUS_CODE_ERROR", "ERROR", "Error")


def span_call(attributes: Fields, span: Fields) -> LoggedCall | SkippedRecord:
    """The call that a span is of.

    Args:
        attributes: of the span, as plain values.
        span: `id`, `parent`, `trace`, `start`, `end` (Unix seconds), `status`, and `message` of a
            failure.
    """
    get = attributes.get
    kind = text(get("openinference.span.kind")).upper()
    operation = text(get("gen_ai.operation.name"))
    system = get("gen_ai.provider.name") or get("gen_ai.system")
    if kind not in ("LLM", "") or not (kind or operation in _CHATS or (system and not operation)):
        return _OTHER
    sent = fields(first(attributes, "llm.invocation_parameters", "input.value"))
    served = first(attributes, "gen_ai.response.model", "llm.response.model_name", "llm.model_name")
    asked = first(attributes, "gen_ai.request.model", "llm.request.model_name")
    failed = span.get("status") in _ERROR or bool(get("error.type"))
    error = text(get("error.type") or span.get("message")) or "failed" if failed else ""
    return LoggedCall(
        request_id=text(span.get("id")),
        model=text(asked or sent.get("model") or served),
        served_model=text(served),
        messages=_sent(attributes),
        response=_answered(attributes),
        session_id=text(
            first(attributes, "gen_ai.conversation.id", "session.id") or span.get("trace")
        ),
        tenant=text(first(attributes, "user.id", "enduser.id")),
        timestamp=span.get("start"),
        latency_s=between_s(span.get("start"), span.get("end")),
        cost_usd=amount(
            first(
                attributes,
                "gen_ai.usage.cost",
                "llm.cost.total",
                "gen_ai.usage.total_cost",
                "routelab.cost_usd",
            )
        ),
        service_tier=text(
            first(attributes, "openai.response.service_tier", "gen_ai.openai.response.service_tier")
        ),
        error=error,
        inside=text(span.get("parent")),
        propensity=propensity_in(attributes, fields(get("metadata"))),
        **_tokens(attributes),
    )


def _tokens(attributes: Fields) -> TokenCounts:
    return counted(
        prompt=first(
            attributes,
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
            "llm.usage.prompt_tokens",
        ),
        completion=first(
            attributes,
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.completion_tokens",
        ),
        cached=first(
            attributes,
            "gen_ai.usage.cache_read.input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ),
        written=first(
            attributes,
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "llm.token_count.prompt_details.cache_write",
        ),
        reasoning=first(
            attributes,
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
        ),
    )


def _sent(attributes: Fields) -> object:
    found = parsed(attributes.get("gen_ai.input.messages"))
    if isinstance(found, list) and found:
        system = parsed(attributes.get("gen_ai.system_instructions"))
        before = [{"role": "system", "content": _parts(system)}] if system else []
        return [*before, *map(_message, found)]
    numbered = _numbered(attributes, "gen_ai.prompt.", "") or _numbered(
        attributes, "llm.input_messages.", "message."
    )
    if numbered:
        return numbered
    value = parsed(attributes.get("input.value"))
    return first(value, "messages", "input") or value if isinstance(value, Mapping) else value


def _answered(attributes: Fields) -> str | None:
    found = parsed(attributes.get("gen_ai.output.messages"))
    if isinstance(found, list) and found:
        return _parts(fields(found[0]).get("parts", fields(found[0]).get("content")))
    numbered = _numbered(attributes, "gen_ai.completion.", "") or _numbered(
        attributes, "llm.output_messages.", "message."
    )
    if numbered:
        return content_of(numbered[0])
    return answer_of(parsed(attributes.get("output.value")))


def _message(found: object) -> dict[str, Any]:
    message = fields(found)
    said = message.get("parts", message.get("content"))
    return {"role": text(message.get("role")) or "user", "content": _parts(said)}


def _parts(found: object) -> str:
    """The text of parts, each `{type, content}`."""
    if isinstance(found, str):
        return found
    parts = found if isinstance(found, list) else [found]
    kept = (it for it in map(fields, parts) if it.get("type", "text") == "text")
    return "".join(text(it.get("content", it.get("text"))) for it in kept)


def _numbered(attributes: Fields, before: str, within: str) -> list[dict[str, Any]]:
    """Messages whose fields are attributes with a number, such as `before.0.role`."""
    found: dict[int, dict[str, Any]] = {}
    for key in attributes:
        if not key.startswith(before):
            continue
        number, _, rest = key[len(before) :].partition(".")
        if number.isdigit() and rest.startswith(within):
            found.setdefault(int(number), {})[rest[len(within) :]] = attributes[key]
    return [
        {"role": text(it.get("role")) or "user", "content": text(it.get("content")) or _pieces(it)}
        for _, it in sorted(found.items())
    ]


def _pieces(message: Fields) -> str:
    """The text of a message in pieces, `contents.0.message_content.text` and so on."""
    texts = {
        int(key.split(".")[1]): text(message[key])
        for key in message
        if key.startswith("contents.") and key.endswith(".text") and key.split(".")[1].isdigit()
    }
    return "".join(texts[at] for at in sorted(texts))


class _Judged(NamedTuple):
    """What the spans of a file say of others: grades by span or response, and ids of judges."""

    marks: dict[str, dict[str, float]]
    judges: set[str]


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    """Evaluations are joined to the spans that they are of, by span or by response."""
    del columns
    judged = _Judged({}, set())
    for file in record_files(path, IMPORTER.suffixes):
        for record in records(file):
            if not isinstance(record.raw, bytes | msgspec.Raw):
                continue
            raw = bytes(record.raw)
            if _EVALUATION.encode() in raw or _EVALUATOR.encode() in raw:
                _judgements(record.raw, judged)

    def convert(record: Fields, _file: Path) -> Converted:
        return list(_calls(record, judged)) or _NO_SPANS

    return convert


def _calls(record: Fields, judged: _Judged) -> Iterator[LoggedCall | SkippedRecord]:
    for span, attributes, shared in _spans(record):
        status = fields(span.get("status"))
        if judged.judges and not judged.judges.isdisjoint(
            (span.get("parentSpanId"), span.get("traceId"))
        ):
            yield _JUDGE
            continue
        found = span_call(
            attributes,
            {
                "id": span.get("spanId"),
                "parent": span.get("parentSpanId"),
                "trace": span.get("traceId"),
                "start": _nanos(span.get("startTimeUnixNano")),
                "end": _nanos(span.get("endTimeUnixNano")),
                "status": status.get("code"),
                "message": status.get("message"),
            },
        )
        if isinstance(found, LoggedCall):
            found.task = text(shared.get("service.name"))
            key = text(attributes.get("gen_ai.response.id"))
            marks = judged.marks.get(found.request_id) or (judged.marks.get(key) if key else None)
            if marks:
                found.numbers = marks
        yield found


def _spans(record: Fields) -> Iterator[tuple[Fields, Fields, Fields]]:
    """Each span with its attributes and those of its resource."""
    for resource in _list(record.get("resourceSpans")):
        shared = _plain(fields(resource.get("resource")).get("attributes"))
        for scope in _list(resource.get("scopeSpans")):
            for span in _list(scope.get("spans")):
                yield span, _plain(span.get("attributes")), shared


def _judgements(raw: bytes | msgspec.Raw, judged: _Judged) -> None:
    record = decoded(raw)
    for resource in _list(record.get("resourceLogs")):
        for scope in _list(resource.get("scopeLogs")):
            for entry in _list(scope.get("logRecords")):
                marks = _plain(entry.get("attributes"))
                _judgement(marks, text(entry.get("spanId")), judged.marks)
    for span, attributes, _ in _spans(record):
        own, parent = text(span.get("spanId")), text(span.get("parentSpanId"))
        if text(attributes.get("openinference.span.kind")).upper() == _EVALUATOR:
            judged.judges.add(
                own if parent else text(span.get("traceId"))
            )  # at its root: all of it
        for event in _list(span.get("events")):
            if event.get("name") == _EVALUATION:
                _judgement(_plain(event.get("attributes")), own, judged.marks)


def _judgement(marks: Fields, span: str, judged: dict[str, dict[str, float]]) -> None:
    name, score = (
        text(marks.get("gen_ai.evaluation.name")),
        marks.get("gen_ai.evaluation.score.value"),
    )
    value = score if isinstance(score, int | float) else None
    if not name or value is None:
        return
    for key in (span, text(marks.get("gen_ai.response.id"))):
        if key:
            judged.setdefault(key, {})[f"evaluation.{name}"] = float(value)


def _nanos(value: object) -> float | None:
    if isinstance(value, str) and value.isdigit():
        return int(value) / 1e9
    return moment_s(value)


def _list(value: object) -> Sequence[Any]:
    return [it for it in value if isinstance(it, Mapping)] if isinstance(value, list) else ()


def _plain(pairs: object) -> dict[str, Any]:
    """Attributes as plain values."""
    return {text(it.get("key")): _value(it.get("value")) for it in _list(pairs)}


def _value(value: object) -> Any:
    if not isinstance(value, Mapping):
        return value
    for kind, it in value.items():
        if kind == "intValue":
            return int(it) if isinstance(it, str) and it.lstrip("-").isdigit() else it
        if kind == "arrayValue":
            return [_value(one) for one in _list(fields(it).get("values"))]
        if kind == "kvlistValue":
            return _plain(fields(it).get("values"))
        return it
    return None


IMPORTER = CallImporter(
    name="otlp",
    summary="OpenTelemetry spans of models, as GenAI or OpenInference conventions write them.",
    layout="a file or folder of OTLP/JSON, an export request a line, as collectors write.",
    example="traces.jsonl",
    open=_open,
    suffixes=(".jsonl", ".ndjson", ".json"),
    notes=("traces hold no propensities, and quality only where an evaluation was recorded",),
)
