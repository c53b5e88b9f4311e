"""Schemas of the protocol of responses, as far as it maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from routelab.serve.openapi.shapes import (
    AMOUNT,
    COUNT,
    FLAG,
    NAME,
    OBJECT,
    TEXT,
    Schema,
    listed,
    maybe,
    named,
    one_of,
    record,
)
from routelab.serve.responses import INCLUDE, MAPPED, UNSUPPORTED

_STATUS = maybe(one_of(["in_progress", "completed", "incomplete"]))
_KNOWN: Mapping[str, Schema] = {"id": maybe(TEXT), "status": _STATUS}
"""Fields of items that say nothing of their own here."""


def _kind(
    name: str, fields: Mapping[str, Schema], needed: Sequence[str], known: Mapping[str, Schema] = {}
) -> Schema:
    """An object of a type, which has to be named."""
    typed = {"type": one_of([name]), **fields, **known}
    return record(typed, ["type", *needed], closed=True)


_INPUT_TEXT = _kind("input_text", {"text": TEXT}, ["text"])
_INPUT_PARTS: Schema = {
    "anyOf": [
        _INPUT_TEXT,
        _kind(
            "input_image",
            {"image_url": TEXT, "detail": maybe(one_of(["auto", "low", "high"]))},
            ["image_url"],
        ),
        _kind("input_file", {"file_data": TEXT, "filename": maybe(TEXT)}, ["file_data"]),
        _kind("input_audio", {"input_audio": OBJECT}, ["input_audio"]),
    ]
}
_ANSWER_PARTS: Schema = {
    "anyOf": [
        _kind(
            "output_text",
            {"text": TEXT, "annotations": {}, "logprobs": {}},
            ["text"],
        ),
        _kind("refusal", {"refusal": TEXT}, ["refusal"]),
    ]
}
_FUNCTION = record(
    {
        "type": one_of(["function"]),
        "name": TEXT,
        "description": maybe(TEXT),
        "parameters": maybe(OBJECT),
        "strict": maybe(FLAG),
    },
    ["type", "name"],
    closed=True,
)
_FUNCTION_NAME = record({"type": one_of(["function"]), "name": TEXT}, ["type", "name"], closed=True)
_FORMAT: Schema = {
    "anyOf": [
        _kind("text", {}, []),
        _kind("json_object", {}, []),
        _kind(
            "json_schema",
            {
                "name": TEXT,
                "schema": OBJECT,
                "description": maybe(TEXT),
                "strict": maybe(FLAG),
            },
            ["name", "schema"],
        ),
    ]
}


def _message(roles: Sequence[str], parts: Schema) -> Schema:
    typed = {"type": maybe(one_of(["message"])), "role": one_of(roles)}
    content: Schema = {"anyOf": [TEXT, listed(parts)]}
    return record({**typed, "content": content, **_KNOWN}, ["role", "content"], closed=True)


_ITEM: Schema = {
    "anyOf": [
        _message(["user", "system", "developer"], _INPUT_PARTS),
        _message(["assistant"], _ANSWER_PARTS),
        _kind(
            "function_call",
            {"call_id": NAME, "name": TEXT, "arguments": TEXT},
            ["call_id", "name", "arguments"],
            _KNOWN,
        ),
        _kind(
            "function_call_output",
            {"call_id": NAME, "output": {"anyOf": [TEXT, listed(_INPUT_TEXT)]}},
            ["call_id", "output"],
            _KNOWN,
        ),
        _kind(
            "reasoning",
            {
                "summary": {"type": "array", "maxItems": 0},
                "content": maybe(listed(_kind("reasoning_text", {"text": TEXT}, ["text"]))),
            },
            [],
            _KNOWN,
        ),
    ]
}
_ALLOWED_TOOLS = record(
    {
        "type": one_of(["allowed_tools"]),
        "mode": one_of(["auto", "required"]),
        "tools": listed(_FUNCTION_NAME),
    },
    ["type", "mode", "tools"],
    closed=True,
)
_REQUEST: Mapping[str, Schema] = {
    "model": maybe({**TEXT, "description": "A policy, `routelab/NAME`, or a model or an alias."}),
    "input": {"anyOf": [TEXT, listed(named("InputItem"), 1)]},
    "instructions": maybe(TEXT),
    "stream": maybe(FLAG),
    "stream_options": maybe(record({"include_obfuscation": maybe(one_of([False]))}, closed=True)),
    "include": maybe(listed(one_of([INCLUDE]))),
    "tools": maybe(listed(_FUNCTION)),
    "tool_choice": maybe(
        {"anyOf": [one_of(["none", "auto", "required"]), _FUNCTION_NAME, _ALLOWED_TOOLS]}
    ),
    "text": maybe(
        record(
            {"format": maybe(_FORMAT), "verbosity": maybe(one_of(["low", "medium", "high"]))},
            closed=True,
        )
    ),
    "reasoning": maybe(record({"effort": maybe(TEXT)}, closed=True)),
    **{name: maybe(it.schema) for name, it in MAPPED.items()},
    **{
        name: {"enum": [*it.allowed, None], "description": f"Not supported: {it.instead}."}
        for name, it in UNSUPPORTED.items()
    },
    "task": maybe(TEXT),
    "priority": maybe(TEXT),
    "needs": maybe(listed(NAME)),
    "max_cost_usd": maybe(AMOUNT),
    "deadline_s": maybe(AMOUNT),
}
_USAGE = record(
    {
        "input_tokens": COUNT,
        "input_tokens_details": record(
            {"cached_tokens": COUNT, "cache_write_tokens": COUNT},
            ["cached_tokens", "cache_write_tokens"],
        ),
        "output_tokens": COUNT,
        "output_tokens_details": record({"reasoning_tokens": COUNT}, ["reasoning_tokens"]),
        "total_tokens": COUNT,
    },
    ["input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details",
     "total_tokens"],
)  # fmt: skip
_RESPONSE: Mapping[str, Schema] = {
    "id": TEXT,
    "object": one_of(["response"]),
    "created_at": COUNT,
    "status": one_of(["completed", "incomplete", "in_progress", "failed"]),
    "model": TEXT,
    "output": listed(record({"type": TEXT, "id": TEXT}, ["type", "id"])),
    "error": maybe(OBJECT),
    "incomplete_details": maybe(record({"reason": TEXT}, ["reason"])),
    "usage": maybe(_USAGE),
    "routelab": named("Routed"),
}

RESPONSE_SCHEMAS: Mapping[str, Schema] = {
    "InputItem": _ITEM,
    "ResponseRequest": record(_REQUEST, ["input"], closed=True),
    "Response": record(_RESPONSE, [*_RESPONSE]),
}
