"""Schemas of chat completions, decisions and feedback."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.serve.chat_request import ROLES
from routelab.serve.decisions import MOST_REPORTED
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

_MUTE = ("assistant", "function")
"""Roles of messages that may have no content: they may call tools alone."""
_LONGEST_ID = 256

_CONTENT: Schema = {"anyOf": [TEXT, listed(record({"type": TEXT}, ["type"]))]}
_MESSAGES: Schema = {
    "description": "A prompt, or messages in OpenAI's form.",
    "anyOf": [TEXT, listed(named("Message"), 1)],
}
_OPTIONS: Mapping[str, Schema] = {
    "task": {"description": "A benchmark, use case or route, where it is a text."},
    "priority": {"description": "How urgent it is, where it is a text that the caller may give."},
    "needs": {
        "description": "Capabilities that the model must have, where it is a list.",
        "anyOf": [listed(NAME), {"not": {"type": "array"}}],
    },
    "max_cost_usd": maybe({**AMOUNT, "description": "USD that the calls may cost."}),
    "deadline_s": maybe({**AMOUNT, "description": "Seconds in which the answer is needed."}),
}
_ASKED: Mapping[str, Schema] = {
    "model": maybe({**TEXT, "description": "A policy, `routelab/NAME`, or a model or an alias."}),
    "stream": maybe(FLAG),
    "stream_options": maybe(OBJECT),
    **_OPTIONS,
}
_OUTCOME: Mapping[str, Schema] = {
    "response": maybe({**OBJECT, "description": "The chat completion."}),
    "signals": maybe({"type": "object", "additionalProperties": {"type": "number"}}),
    "cost_usd": maybe({**AMOUNT, "maximum": MOST_REPORTED}),
    "latency_s": maybe({**AMOUNT, "maximum": MOST_REPORTED}),
    "error": maybe({**TEXT, "description": "Why there is no answer."}),
    "model": maybe({**TEXT, "description": "That answered, where it was another."}),
}
_TOLD: Schema = {
    "anyOf": [
        {"required": [name], "properties": {name: {"type": kind}}}
        for name, kind in (("response", "object"), ("signals", "object"), ("error", "string"))
    ]
}
"""One of them says what came of the call."""
_ROUTED: Mapping[str, Schema] = {
    "decision": TEXT,
    "policy": TEXT,
    "model": TEXT,
    "cost_usd": maybe(AMOUNT),
    "latency_s": AMOUNT,
    "calls": listed(
        record(
            {
                "model": TEXT,
                "cost_usd": maybe(AMOUNT),
                "latency_s": maybe(AMOUNT),
                "signals": {"type": "object", "additionalProperties": maybe({"type": "number"})},
                "threshold": {"type": "number"},
                "failed": FLAG,
                "rejected": listed(TEXT),
            },
            ["model", "cost_usd", "latency_s"],
        )
    ),
    "usage": record(
        {"prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT},
        ["prompt_tokens", "completion_tokens", "total_tokens"],
    ),
}
_TARGET = record(
    {
        "target": TEXT,
        "model": TEXT,
        "llm_client": record({"format": TEXT, "base_url": TEXT}, ["format", "base_url"]),
        "extra_body": OBJECT,
    },
    ["target", "model", "llm_client", "extra_body"],
)

CHAT_SCHEMAS: Mapping[str, Schema] = {
    "Message": {
        "anyOf": [
            record(
                {"role": one_of(sorted(ROLES.difference(_MUTE))), "content": _CONTENT},
                ["role", "content"],
            ),
            record({"role": one_of(_MUTE), "content": maybe(_CONTENT)}, ["role"]),
        ]
    },
    "ChatRequest": record(
        {"messages": _MESSAGES, **_ASKED},
        ["messages"],
        about="Further fields go to the models as they are.",
    ),
    "ChatCompletion": record(
        {"choices": listed(OBJECT), "routelab": named("Routed")},
        ["choices", "routelab"],
        about="As the endpoint gave it, with what routing took.",
    ),
    "Routed": record(
        _ROUTED,
        [*_ROUTED],
        about="Who decided, every call, and all that was spent.",
    ),
    "ModelList": record(
        {
            "object": one_of(["list"]),
            "data": listed(record({"id": TEXT, "object": one_of(["model"])}, ["id", "object"])),
        },
        ["object", "data"],
    ),
    "FeedbackRequest": {
        **record(
            {
                "decision": {**NAME, "description": "The answer's `x-routelab-decision`."},
                "route_id": {**NAME, "description": "The same, of who asked at `/route`."},
                "quality": {"type": "number", "minimum": 0, "maximum": 1},
                "model": maybe({**TEXT, "description": "Whose answer it was, if not the last."}),
                "source": maybe(TEXT),
            },
            ["quality"],
            closed=True,
        ),
        "oneOf": [{"required": ["decision"]}, {"required": ["route_id"]}],
    },
    "Feedback": record(
        {"decision": TEXT, "quality": {"type": "number"}, "joined": FLAG},
        ["decision", "quality", "joined"],
    ),
    "DecisionRequest": {
        **record(
            {
                "input_format": one_of(["openai_chat"]),
                "request": record({"messages": maybe(_MESSAGES), **_ASKED}),
                "token": maybe({**TEXT, "description": "Of the turn before."}),
                "outcomes": maybe(listed(named("Outcome"), 1)),
            },
            ["request"],
            closed=True,
        ),
        "anyOf": [
            {"properties": {"token": {"type": "null"}, "outcomes": {"type": "null"}}},
            {
                "properties": {"token": TEXT, "outcomes": {"type": "array"}},
                "required": ["token", "outcomes"],
            },
        ],
    },
    "Outcome": {
        **record(_OUTCOME, closed=True, about="What came of a call that was reported."),
        **_TOLD,
    },
    "Decision": record(
        {"selected": _TARGET, "fallbacks": listed(_TARGET), "routelab": OBJECT},
        ["selected", "fallbacks", "routelab"],
    ),
    "RouteRequest": record(
        {
            "route_id": maybe({**TEXT, "maxLength": _LONGEST_ID}),
            "strategy": maybe({**TEXT, "description": "A policy, by name."}),
            "execution_mode": one_of(["serving", "shadow"]),
            "candidates": maybe(listed(record({"roster_id": TEXT}, ["roster_id"]), 1)),
            "messages": maybe(_MESSAGES),
            **_OPTIONS,
        }
    ),
    "Route": record(
        {
            "route_id": TEXT,
            "action": one_of(["call", "deliver", "fail"]),
            "selected_roster_id": TEXT,
            "selected_provider": TEXT,
            "score": maybe({"type": "number"}),
            "candidate_scores": OBJECT,
            "propensity": maybe({"type": "number", "minimum": 0, "maximum": 1}),
            "policy_artifact_sha256": TEXT,
            "deliver": OBJECT,
        },
        ["route_id", "action"],
    ),
    "OutcomeRequest": {
        "anyOf": [
            record(
                {"route_id": TEXT, "outcomes": listed(named("Outcome"), 1)},
                ["route_id", "outcomes"],
                closed=True,
            ),
            {**record({"route_id": TEXT, **_OUTCOME}, ["route_id"], closed=True), **_TOLD},
        ]
    },
    "Capabilities": record(
        {"contract": TEXT, "execution_modes": listed(TEXT), "strategies": listed(OBJECT)},
        ["contract", "execution_modes", "strategies"],
    ),
    "Health": record({"status": TEXT}, ["status"]),
    "Readiness": record(
        {"status": one_of(["ready", "draining"]), "policies": OBJECT}, ["status", "policies"]
    ),
}
