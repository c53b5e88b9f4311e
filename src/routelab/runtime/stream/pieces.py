"""A complete answer as the piece of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def whole(body: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion as the one `chat.completion.chunk` that holds all of it."""
    choices = [_choice(choice) for choice in body.get("choices", ())]
    return {**body, "object": "chat.completion.chunk", "choices": choices}


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    delta = dict(choice["message"])
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
    kept = {name: value for name, value in choice.items() if name != "message"}
    return {**kept, "delta": delta}
