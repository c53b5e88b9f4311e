"""A complete answer as the pieces of a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from routelab.runtime.wire import encode_json

DONE = b"data: [DONE]\n\n"
"""The last event of a stream."""

_WORD = re.compile(r"\S*\s*")


def single_chunk(body: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion as the one `chat.completion.chunk` that holds all of it."""
    choices = [_choice(at, choice) for at, choice in enumerate(body.get("choices") or ())]
    return {**body, "object": "chat.completion.chunk", "choices": choices}


def word_chunks(body: Mapping[str, Any], *, usage: bool) -> Iterator[dict[str, Any]]:
    """A chat completion of one choice as chunks, one a word of its text.

    Args:
        body: the chat completion.
        usage: end with a chunk of the usage.
    """
    head = {name: body[name] for name in ("id", "created", "model") if name in body}
    head["object"] = "chat.completion.chunk"
    one = single_chunk(body)
    (choice,) = one["choices"]
    delta = choice["delta"]
    text = delta.get("content")
    opening = {**delta, "content": None if text is None else ""}
    yield {**head, "choices": [_piece(choice, opening)]}
    for word in _WORD.findall(text or "")[:-1]:  # the last match is the empty end
        yield {**head, "choices": [_piece(choice, {"content": word})]}
    rest = {name: value for name, value in one.items() if name != "usage"}
    yield {**rest, "choices": [{**choice, "delta": {}}]}
    if usage:
        yield {**head, "choices": [], "usage": body.get("usage")}


def sse_event(piece: Mapping[str, Any]) -> bytes:
    """A chunk as a server-sent event."""
    return b"data: " + encode_json(piece) + b"\n\n"


def _piece(choice: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    return {"index": choice.get("index", 0), "delta": delta, "finish_reason": None}


def _choice(place: int, choice: Mapping[str, Any]) -> dict[str, Any]:
    delta = dict(choice["message"])
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
    kept = {name: value for name, value in choice.items() if name != "message"}
    if not isinstance(kept.get("index", 0), int):  # some write it as they like
        kept["index"] = place
    return {**kept, "delta": delta}
