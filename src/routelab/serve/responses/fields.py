"""Fields of a request for a response: what each is in a chat completion, and which have none."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from routelab.core.messages import is_number, value_text
from routelab.serve.chat_request import OPTIONS
from routelab.serve.responses.problems import RequestProblems

INCLUDE = "message.output_text.logprobs"
"""What `include` may hold."""
_MOST_TOP = 20


class MappedField(NamedTuple):
    """A field that models understand under some name.

    Attributes:
        chat: its name in a chat completion; None where it stays in the response.
        takes: whether a value can be passed on.
        write: in words.
        schema: of its values.
        otherwise: what a response says where it was left out.
    """

    chat: str | None
    takes: Callable[[Any], bool]
    write: str
    schema: Mapping[str, Any]
    otherwise: Any = None


def _is_whole(value: Any) -> bool:
    """As JSON Schema has it, of which 5.0 is a whole number."""
    return _is_finite(value) and value == int(value)


def _is_finite(value: object) -> bool:
    return is_number(value) and math.isfinite(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _text(chat: str | None) -> MappedField:
    return MappedField(chat, _is_text, "write a text", {"type": "string"})


def _number(chat: str) -> MappedField:
    return MappedField(chat, _is_finite, "write a number", {"type": "number"})


MAPPED: Mapping[str, MappedField] = {
    "temperature": _number("temperature"),
    "top_p": _number("top_p"),
    "max_output_tokens": MappedField(
        "max_completion_tokens",
        lambda it: _is_whole(it) and it >= 1,
        "write a whole number, at least 1",
        {"type": "integer", "minimum": 1},
    ),
    "top_logprobs": MappedField(
        "top_logprobs",
        lambda it: _is_whole(it) and 0 <= it <= _MOST_TOP,
        f"write a whole number of 0 to {_MOST_TOP}",
        {"type": "integer", "minimum": 0, "maximum": _MOST_TOP},
    ),
    "parallel_tool_calls": MappedField(
        "parallel_tool_calls",
        lambda it: isinstance(it, bool),
        "write true or false",
        {"type": "boolean"},
        True,
    ),
    "metadata": MappedField(
        None,
        lambda it: isinstance(it, dict) and all(map(_is_text, it.values())),
        "write an object of texts; it comes back with the response",
        {"type": "object", "additionalProperties": {"type": "string"}},
        {},
    ),
    "service_tier": _text("service_tier"),
    "user": _text("user"),
    "safety_identifier": _text("safety_identifier"),
    "prompt_cache_key": _text("prompt_cache_key"),
    "prompt_cache_retention": _text("prompt_cache_retention"),
}
"""Fields of one value; those with parts are read apart."""


class UnsupportedField(NamedTuple):
    """A field that no chat completion can be asked with.

    Attributes:
        allowed: values that change nothing.
        instead: what to do.
    """

    allowed: tuple[Any, ...]
    instead: str


_KEEPS_NOTHING = "nothing is kept here"
UNSUPPORTED: Mapping[str, UnsupportedField] = {
    "store": UnsupportedField((False,), f"{_KEEPS_NOTHING}: write false, or leave it out"),
    "background": UnsupportedField((False,), f"{_KEEPS_NOTHING}: stream the response instead"),
    "previous_response_id": UnsupportedField(
        (), f"{_KEEPS_NOTHING}: send the whole conversation as input"
    ),
    "conversation": UnsupportedField((), f"{_KEEPS_NOTHING}: send the whole conversation as input"),
    "prompt": UnsupportedField((), f"{_KEEPS_NOTHING}: write the prompt out as input"),
    "truncation": UnsupportedField(
        ("disabled",), "no input is cut here: shorten it, or leave this out"
    ),
    "context_management": UnsupportedField((), "no input is cut here: leave it out"),
    "max_tool_calls": UnsupportedField(
        (), "it is of tools that run at the provider, and there are none here: leave it out"
    ),
    "moderation": UnsupportedField((), "chat completions here have none: leave it out"),
    "prompt_cache_options": UnsupportedField(
        (), "leave it out; prompt_cache_key and prompt_cache_retention are passed on"
    ),
}
"""Fields of the protocol that are refused by name."""

PARTS = ("model", "input", "instructions", "stream", "stream_options", "include", "text",
         "reasoning", "tools", "tool_choice")  # fmt: skip
"""Fields of the protocol that have parts, or are read with others."""


def read_fields(body: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    """The fields of one value, as a chat completion has them.

    Args:
        body: without nulls.
        problems: takes what is wrong, unknown fields included.
    """
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in PARTS or name in OPTIONS:
            continue
        if (field := MAPPED.get(name)) is not None:
            if not field.takes(value):
                problems.wrong(name, value, field.write)
            elif field.chat is not None:
                whole = field.schema["type"] == "integer"
                found[field.chat] = int(value) if whole else value
        elif (refused := UNSUPPORTED.get(name)) is not None:
            if not any(type(value) is type(it) and value == it for it in refused.allowed):
                problems.wrong(name, value, f"it is not supported: {refused.instead}")
        else:
            problems.add(name, "there is no such field of a response here: leave it out")
    for name, kind in OPTIONS.items():
        if (value := body.get(name)) is not None:
            if isinstance(value, kind):
                found[name] = value
            else:
                problems.wrong(name, value, f"write a {'list' if kind is list else 'text'}")
    return found | _read_logprobs(body, problems)


def _read_logprobs(body: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    """Whether log probabilities are wanted, and which stream options can be passed over."""
    include = body.get("include", [])
    if not isinstance(include, list):
        problems.wrong("include", include, f"write a list, such as [{INCLUDE!r}]")
        include = []
    for at, it in enumerate(include):
        if it != INCLUDE:
            problems.wrong(f"include[{at}]", it, f"only {INCLUDE} can be included here")
    options = body.get("stream_options", {})
    if not isinstance(options, dict):
        problems.wrong("stream_options", options, "write an object")
        options = {}
    for name, value in options.items():
        if name != "include_obfuscation" or value not in (None, False):
            problems.add(
                f"stream_options.{name}", f"{value_text(value)} is not supported: leave it out"
            )
    return {"logprobs": True} if include or body.get("top_logprobs") else {}
