"""The document: every address, what it takes, what it gives, and every way in which it refuses.

`python -m routelab.serve.openapi.document` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from routelab.serve.openapi.chat_schemas import CHAT_SCHEMAS
from routelab.serve.openapi.response_schemas import RESPONSE_SCHEMAS
from routelab.serve.openapi.shapes import Schema, maybe, named, one_of, record
from routelab.version import __version__

_JSON, _EVENTS, _PLAIN = "application/json", "text/event-stream", "text/plain"

CODES: Mapping[int, Sequence[str]] = {
    400: (
        "invalid_http", "invalid_json", "invalid_value", "body_too_deep", "invalid_request_id",
        "key_in_address", "header_twice", "no_model_allowed", "refused_by_model", "invalid_token",
        "outcomes_do_not_fit", "response_needed", "text_needed",
    ),
    401: ("no_api_key", "invalid_api_key", "expired_api_key", "no_tenant"),
    403: (
        "untrusted_address", "model_not_allowed", "priority_not_allowed", "not_an_operator",
        "foreign_origin",
    ),
    404: ("model_not_found", "decision_not_found", "route_not_found", "not_found"),
    405: ("wrong_method",),
    408: ("body_too_slow", "head_too_slow"),
    409: ("duplicate_request_id", "policy_changed"),
    413: ("body_too_large",),
    415: ("body_packed",),
    426: ("wrong_method",),
    429: ("rate_limit_exceeded", "too_many_at_once", "insufficient_quota"),
    431: ("head_too_large",),
    500: ("policy_error", "broken", "redaction_failed"),
    503: ("no_model_answered", "too_many_connections"),
}  # fmt: skip
"""The `code` of an error, by its status."""
_MEANING: Mapping[int, str] = {
    400: "The request is wrong; the message names everything that is.",
    401: "There is no key, or it is not good here.",
    403: "The caller may not ask this.",
    404: "What the request names is not there.",
    405: "It is asked by another method.",
    408: "The head or the body took too long to arrive.",
    409: "Another request is under way with this id, or the policy has changed since.",
    413: "The body is too large.",
    415: "The body is packed.",
    426: "It is asked by a WebSocket.",
    429: "A limit is reached, a budget is spent, or the provider is called too often.",
    431: "The address and headers are too large.",
    500: "The server failed.",
    503: "No model answered.",
}
_DOOR = (400, 401, 403, 500)
"""Statuses of whatever is behind the door."""
_BODY = (*_DOOR, 404, 408, 413, 415)
_OF_AN_ANSWER: Mapping[str, str] = {
    "x-routelab-decision": "For feedback; empty where nothing was decided.",
    "x-routelab-policy": "Who decided.",
    "x-routelab-model": "Who answered, or is to be called; empty where nobody did.",
    "x-routelab-cost-usd": "USD of all calls; empty where it is not known.",
    "x-routelab-calls": "How many calls there were.",
}


class Operation(NamedTuple):
    """What is at an address.

    Attributes:
        method: by which it is asked.
        name: of the operation.
        about: what it does.
        takes: schema of the body; None where there is none.
        gives: schema by media type; a name is one of the components.
        statuses: of its refusals.
        answers: it decides, so that the headers of answers are there.
        keyed: it asks for a key, where there are keys.
        also: statuses with the same content as 200.
    """

    method: str
    name: str
    about: str
    takes: str | None
    gives: Mapping[str, str | None]
    statuses: Sequence[int]
    answers: bool = False
    keyed: bool = True
    also: Sequence[int] = ()


def _asked(name: str, about: str, takes: str, gives: str, *, streams: bool = False) -> Operation:
    """An operation that decides."""
    media = {_JSON: gives, **({_EVENTS: None} if streams else {})}
    return Operation("post", name, about, takes, media, (*_BODY, 409, 429, 503), answers=True)


def _judged(name: str) -> Operation:
    return Operation(
        "post", name, "Judge an answer.", "FeedbackRequest", {_JSON: "Feedback"}, _BODY
    )


def _told(name: str, about: str, gives: str | None, media: str = _JSON) -> Operation:
    """An operation that anybody may ask, as probes do."""
    return Operation("get", name, about, None, {media: gives}, (500,), keyed=False)


OPERATIONS: Mapping[str, Operation] = {
    "/v1/chat/completions": _asked(
        "chat", "Have a policy answer.", "ChatRequest", "ChatCompletion", streams=True
    ),
    "/v1/responses": _asked(
        "respond",
        "The same in the protocol of responses, where that maps on chat completions.",
        "ResponseRequest",
        "Response",
        streams=True,
    ),
    "/v1/models": Operation(
        "get", "models", "What may be named as `model`.", None, {_JSON: "ModelList"}, _DOOR
    ),
    "/v1/feedback": _judged("feedback"),
    "/v1/decision": _asked(
        "decide", "Which model to call, in Switchyard's form.", "DecisionRequest", "Decision"
    ),
    "/route": _asked(
        "route", "Which model to call, in the form of policy_router_v1.", "RouteRequest", "Route"
    ),
    "/outcome": _asked(
        "outcome", "What came of a call that `/route` chose.", "OutcomeRequest", "Route"
    ),
    "/feedback": _judged("routeFeedback"),
    "/capabilities": Operation(
        "get", "capabilities", "What `/route` can do.", None, {_JSON: "Capabilities"}, _DOOR
    ),
    "/livez": _told("live", "The process serves.", "Health"),
    "/healthz": _told("health", "The process serves.", "Health"),
    "/readyz": _told("ready", "Requests are welcome, or not.", "Readiness")._replace(also=(503,)),
    "/metrics": _told("metrics", "Metrics for Prometheus.", None, _PLAIN),
    "/openapi.json": _told("openapi", "This document.", None),
    "/": _told("statusPage", "The status page, which asks for the rest.", None, "text/html"),
    "/status/status.css": _told("statusStyle", "Of the status page.", None, "text/css"),
    "/status/status.js": _told("statusScript", "Of the status page.", None, "text/javascript"),
    "/status": Operation(
        "get", "status", "What operators see on the page.", None, {_JSON: None}, _DOOR
    ),
    "/status/events": Operation(
        "get", "watch", "The same again and again.", None, {_EVENTS: None}, (*_DOOR, 503)
    ),
    "/v1/websocket": Operation(
        "get",
        "websocket",
        "Many requests at once on one connection: open it as a WebSocket.",
        None,
        {},
        (*_DOOR, 426, 503),
    ),
}
"""What is at every address."""


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, as JSON has it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "routelab serve",
            "version": __version__,
            "description": "Policies behind the protocols that callers speak already.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {path: {it.method: _operation(it)} for path, it in OPERATIONS.items()},
        "components": {
            "schemas": {**CHAT_SCHEMAS, **RESPONSE_SCHEMAS, **_errors()},
            "headers": _headers(),
            "responses": {
                f"Error{status}": {
                    "description": meaning,
                    "headers": _header_refs("x-request-id", *_OF_AN_ANSWER),
                    "content": {_JSON: {"schema": named(f"Error{status}")}},
                }
                for status, meaning in _MEANING.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
            },
        },
    }


def openapi_text() -> str:
    """The document as the file `docs/openapi.json` holds it."""
    return msgspec.json.format(msgspec.json.encode(openapi_document()), indent=2).decode() + "\n"


def _operation(it: Operation) -> dict[str, Any]:
    content = {media: {"schema": named(it_) if it_ else {}} for media, it_ in it.gives.items()}
    told_of = _OF_AN_ANSWER if it.answers and _EVENTS not in it.gives else ()
    headers = _header_refs("x-request-id", *told_of)
    given: dict[str, Any] = {"description": it.about, "headers": headers, "content": content}
    responses: dict[str, Any] = {"200": given} if content else {}
    if not content:
        responses["101"] = {"description": "The connection is a WebSocket from here on."}
    responses |= {str(status): given for status in it.also}
    for status in sorted({*it.statuses} - {*it.also}):
        responses[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
    told: dict[str, Any] = {
        "operationId": it.name,
        "summary": it.about,
        "parameters": [_REQUEST_ID] if it.keyed and content else [],
        "responses": responses,
        "security": [{"bearer": []}, {"api-key": []}] if it.keyed else [],
    }
    if it.takes is not None:
        body = {_JSON: {"schema": named(it.takes)}}
        told["requestBody"] = {"required": True, "content": body}
    return told


_REQUEST_ID = {
    "name": "x-request-id",
    "in": "header",
    "required": False,
    "description": "The key of the policy's draws and of the decision; a fresh one without.",
    "schema": {"type": "string", "maxLength": 256},
}


def _errors() -> dict[str, Schema]:
    """Bodies of refusals, one a status."""
    return {f"Error{status}": _error(codes) for status, codes in CODES.items()}


def _error(codes: Sequence[str]) -> Schema:
    text: Schema = {"type": "string"}
    fields = {"message": text, "type": text, "param": maybe(text), "code": one_of(codes)}
    return record({"error": record(fields, [*fields], closed=True)}, ["error"], closed=True)


def _header_refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _headers() -> dict[str, Any]:
    about = {"x-request-id": "As it was sent, or a fresh one.", **_OF_AN_ANSWER}
    return {
        name: {"description": it, "required": True, "schema": {"type": "string"}}
        for name, it in about.items()
    }


if __name__ == "__main__":
    import sys

    sys.stdout.write(openapi_text())
