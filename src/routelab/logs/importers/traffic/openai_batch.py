"""OpenAI: batch inputs with their outputs, and stored completions; Anthropic's batches.

Source: types of openai 3.57 (batch request and response lines, chat completions, responses).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from routelab.errors import LogError
from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    answer_of,
    counted,
    decoded,
    fields,
    moment_s,
    propensity_in,
    record_files,
    records,
    text,
    tokens_within,
)

_INPUT = SkippedRecord("is a batch's input, which is joined to its output")
_OTHER = SkippedRecord("is neither a line of a batch nor a stored completion")
_EXPIRED = SkippedRecord("was never asked: its batch ended before")
_MOST_BODIES = 2_000_000


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    """Inputs are joined by custom_id, as outputs come in any order."""
    del columns
    asked: dict[str, Fields] = {}
    for file in record_files(path, IMPORTER.suffixes):
        for record in records(file, IMPORTER.rows_at):
            line = decoded(record.raw)
            body = line.get("body", line.get("params"))
            if not isinstance(body, Mapping) or "custom_id" not in line:
                continue
            name = text(line["custom_id"])
            if name in asked and asked[name] != body:
                raise LogError(
                    f"{record.file.name}: row {record.number}: custom_id {name!r} stands for two"
                    " different requests; import one batch at a time"
                )
            asked[name] = body
            if len(asked) > _MOST_BODIES:
                raise LogError(
                    f"{record.file.name}: more than {_MOST_BODIES:,} requests; import one batch at"
                    " a time"
                )

    def convert(record: Fields, _file: Path) -> Converted:
        return _call(record, asked)

    return convert


def _call(record: Fields, asked: Mapping[str, Fields]) -> Converted:
    if "custom_id" in record and ("body" in record or "params" in record):
        return _INPUT
    if "custom_id" in record and isinstance(record.get("result"), Mapping):
        return _of_anthropic(record, asked.get(text(record["custom_id"]), {}))
    if "custom_id" in record:
        name = text(record["custom_id"])
        response, sent = fields(record.get("response")), asked.get(name, {})
        error = fields(record.get("error"))
        status = response.get("status_code")
        good = not error and isinstance(status, int) and 200 <= status < 300
        if error.get("code") == "batch_expired":
            return _EXPIRED
        found = _completion(fields(response.get("body")), sent, name)
        found.service_tier = "batch"
        if not good:
            found.error = text(error.get("code")) or f"status {status}"
        return found
    if record.get("object") in ("chat.completion", "response"):
        sent = {**fields(record.get("request")), "messages": record.get("messages")}
        found = _completion(record, sent, text(record.get("id")))
        found.task = text(fields(record.get("metadata")).get("task"))
        return found
    return _OTHER


def _completion(body: Fields, sent: Fields, name: str) -> LoggedCall:
    served = text(body.get("model"))
    messages = sent.get("messages") or sent.get("input") or body.get("input")
    return LoggedCall(
        request_id=name,
        model=text(sent.get("model")) or served,
        served_model=served,
        messages=messages,
        response=answer_of(body),
        timestamp=moment_s(body.get("created", body.get("created_at"))),
        service_tier=text(body.get("service_tier")),
        propensity=propensity_in(fields(body.get("metadata")), fields(sent.get("metadata"))),
        **tokens_within(fields(body.get("usage"))),
    )


def _of_anthropic(record: Fields, sent: Fields) -> LoggedCall | SkippedRecord:
    result = fields(record["result"])
    if result.get("type") in ("expired", "canceled"):
        return _EXPIRED
    message, usage = (
        fields(result.get("message")),
        fields(fields(result.get("message")).get("usage")),
    )
    system = sent.get("system")
    first = [{"role": "system", "content": system}] if system else []
    split = fields(usage.get("cache_creation"))
    return LoggedCall(
        request_id=text(record["custom_id"]),
        model=text(sent.get("model") or message.get("model")),
        served_model=text(message.get("model")),
        messages=[*first, *(sent.get("messages") or ())] or None,
        response=answer_of(message),
        service_tier="batch",
        error="" if result.get("type") == "succeeded" else text(result.get("type")),
        **counted(
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            usage.get("cache_read_input_tokens"),
            usage.get("cache_creation_input_tokens"),
            split.get("ephemeral_1h_input_tokens"),
            beside=True,
        ),
    )


IMPORTER = CallImporter(
    name="openai",
    summary="OpenAI's batches and stored completions, and Anthropic's batches.",
    layout="a folder with a batch's input and output files, or a file of stored completions.",
    example="batch",
    open=_open,
    suffixes=(".jsonl", ".ndjson", ".json"),
    rows_at=("data",),
    notes=(
        "batches have no latency, and cost what the service tier 'batch' costs in the price list",
    ),
)
