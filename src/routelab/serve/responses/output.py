"""A chat completion as a response: output items, usage, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from routelab.runtime.attempts import token_usage
from routelab.serve.responses.items import REASONING
from routelab.signals import content_text

Values = Mapping[str, Any]
ItemKey = tuple[str, int]
"""Of an item of one answer: its kind, and its number among those of its kind."""

MESSAGE, THOUGHT = ("message", 0), ("reasoning", 0)
CALL = "function_call"
_THOUGHTS = (REASONING, "reasoning")
"""Where endpoints write what a model thought; those that write both write it twice."""
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Reasons of chat completions to end that leave a response incomplete."""
_PREFIXES = {"message": "msg", "reasoning": "rs", CALL: "fc"}


class Ended(NamedTuple):
    """What a response ended with.

    Attributes:
        items: of its output, by their keys.
        status: completed or incomplete.
        reason: that it is incomplete for; None where it is not.
    """

    items: Mapping[ItemKey, dict[str, Any]]
    status: str
    reason: str | None


def thought_in(message: Values) -> str:
    """What a message, or a piece of one, holds of what was thought."""
    found = (message.get(name) for name in _THOUGHTS)
    return next((it for it in found if isinstance(it, str) and it), "")


def item_id(key: ItemKey, name: str) -> str:
    """The id of an item.

    Args:
        key: of the item.
        name: of the response, without prefix.
    """
    kind, number = key
    return f"{_PREFIXES[kind]}_{name}" + (f"_{number}" if kind == CALL else "")


def message_item(name: str, parts: list[dict[str, Any]], status: str) -> dict[str, Any]:
    """An item of what is said to the caller."""
    return {
        "type": "message",
        "id": item_id(MESSAGE, name),
        "status": status,
        "role": "assistant",
        "content": parts,
    }


def thought_item(name: str, text: str | None, status: str) -> dict[str, Any]:
    """An item of what was thought."""
    parts = [] if text is None else [{"type": "reasoning_text", "text": text}]
    found: dict[str, Any] = {"type": "reasoning", "id": item_id(THOUGHT, name), "status": status}
    return {**found, "summary": [], "content": parts}


def call_item(name: str, number: int, call: Values, status: str) -> dict[str, Any]:
    """An item of a function to be called.

    Args:
        name: of the response.
        number: of the call.
        call: an entry of `tool_calls`.
        status: of the item.
    """
    function = call.get("function")
    said: Values = function if isinstance(function, Mapping) else {}
    key = call.get("id")
    return {
        "type": CALL,
        "id": item_id((CALL, number), name),
        "status": status,
        "call_id": key if isinstance(key, str) and key else f"call_{name}_{number}",
        "name": _text(said.get("name")),
        "arguments": _text(said.get("arguments")),
    }


def ended(body: Values, name: str) -> Ended:
    """What a chat completion is as a response.

    Args:
        body: of the chat completion, whose first choice counts: no more were asked for.
        name: of the response.
    """
    choice = _first_choice(body)
    message = choice.get("message")
    message = message if isinstance(message, Mapping) else {}
    reason = _INCOMPLETE.get(str(choice.get("finish_reason")))
    items = dict(_items(message, choice.get("logprobs"), name))
    if reason is not None and items:
        last = next(reversed(items))
        items[last] = {**items[last], "status": "incomplete"}
    return Ended(items, "completed" if reason is None else "incomplete", reason)


def log_probabilities(logprobs: object) -> list[dict[str, Any]]:
    """The log probabilities of a choice's text, as a part of a response has them."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return [
        {
            **_probability(it),
            "top_logprobs": [_probability(top) for top in _objects(it, "top_logprobs")],
        }
        for it in (content if isinstance(content, list) else ())
        if isinstance(it, Mapping)
    ]


def usage_of(body: Values) -> dict[str, Any] | None:
    """What a chat completion used, as a response says it; None where it is not known."""
    used = token_usage(body.get("usage"))
    if math.isnan(used.prompt) or math.isnan(used.completion):
        return None
    return {
        "input_tokens": int(used.prompt),
        "input_tokens_details": {
            "cached_tokens": int(used.cached),
            "cache_write_tokens": int(used.cache_write),
        },
        "output_tokens": int(used.completion),
        "output_tokens_details": {"reasoning_tokens": int(used.reasoning)},
        "total_tokens": int(used.prompt) + int(used.completion),
    }


def _items(message: Values, logprobs: object, name: str) -> Iterator[tuple[ItemKey, Any]]:
    if thought := thought_in(message):
        yield THOUGHT, thought_item(name, thought, "completed")
    calls = message.get("tool_calls")
    calls = [it for it in calls if isinstance(it, Mapping)] if isinstance(calls, list) else []
    parts = []
    text = content_text(message.get("content"))
    refusal = _text(message.get("refusal"))
    if text or not (calls or refusal or thought):
        parts.append(text_part(text, _citations(message), log_probabilities(logprobs)))
    if refusal:
        parts.append({"type": "refusal", "refusal": refusal})
    if parts:
        yield MESSAGE, message_item(name, parts, "completed")
    for number, call in enumerate(calls):
        yield (CALL, number), call_item(name, number, call, "completed")


def text_part(
    text: str, citations: list[dict[str, Any]], logprobs: list[dict[str, Any]]
) -> dict[str, Any]:
    """A part of what is said to the caller."""
    part = {"type": "output_text", "text": text, "annotations": citations}
    return {**part, "logprobs": logprobs} if logprobs else part


def _citations(message: Values) -> list[dict[str, Any]]:
    """Pages that the text names, which some providers search by themselves."""
    return [
        {
            "type": "url_citation",
            "url": _text(cited.get("url")),
            "title": _text(cited.get("title")),
            "start_index": _whole(cited.get("start_index")),
            "end_index": _whole(cited.get("end_index")),
        }
        for it in _objects(message, "annotations")
        if isinstance(cited := it.get("url_citation"), Mapping)
    ]


def _probability(given: Values) -> dict[str, Any]:
    token, logprob = given.get("token"), given.get("logprob")
    known = isinstance(logprob, int | float) and not isinstance(logprob, bool)
    spelled = given.get("bytes")
    return {
        "token": _text(token),
        "bytes": spelled if isinstance(spelled, list) else [],
        "logprob": logprob if known else 0.0,
    }


def _first_choice(body: Values) -> Values:
    choices = _objects(body, "choices")
    by_number = sorted(choices, key=lambda it: _whole(it.get("index")))
    return by_number[0] if by_number else {}


def _objects(value: Values, name: str) -> list[Values]:
    found = value.get(name)
    return [it for it in found if isinstance(it, Mapping)] if isinstance(found, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
