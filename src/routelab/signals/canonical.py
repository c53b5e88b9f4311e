"""One form of an answer, whatever parts it has: for agreement, votes, gates, logs and equality."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from routelab.core.conversation import content_text
from routelab.signals.source import Body

_READ = 20_000
"""Characters of arguments, of all calls of a choice, that are read as JSON; what is longer is equal
to the same text alone."""

_MEDIA = 1_000
"""Parts that have a digest each; those after them have one together."""


class AnswerParts(msgspec.Struct, frozen=True):
    """What one choice of an answer says.

    Attributes:
        text: of its content; empty where it has none.
        calls: its tool calls as JSON, each with its name and arguments, without ids; keys and
            calls are sorted, and numbers written in one way, so that equal calls are equal text.
        refusal: the words by which the model declares that it refuses; empty where it does not.
        finish: why it ended, as the endpoint says; empty where it does not.
        media: digests of its images, sounds and other parts that are no text, as JSON; empty
            where it has none.
    """

    text: str = ""
    calls: str = ""
    refusal: str = ""
    finish: str = ""
    media: str = ""

    @property
    def canonical(self) -> str:
        """All that it says as one text; of an answer that is text alone, that text."""
        return "\n".join(part for part in (self.text, self.refusal, self.calls) if part)

    @property
    def identity(self) -> str:
        """`canonical`, and what media it shows: of equal answers it is the same text."""
        return "\n".join(part for part in (self.canonical, self.media) if part)

    @property
    def answers(self) -> bool:
        """Whether it is an answer: it says or calls something, and does not refuse."""
        said = bool(self.text.strip() or self.calls or self.media)
        return said and not self.refusal and self.finish != "content_filter"


def answer_parts(body: Body) -> tuple[AnswerParts, ...]:
    """The choices of a chat completion, first to last; of one that is none, nothing.

    Args:
        body: the response.
    """
    choices = body.get("choices")
    if not isinstance(choices, list):
        return ()
    return tuple([_parts(it) for it in choices if isinstance(it, Mapping)])


def _parts(choice: Mapping[str, Any]) -> AnswerParts:
    message = choice.get("message")
    message = message if isinstance(message, Mapping) else {}
    finish, refusal = choice.get("finish_reason"), message.get("refusal")
    calls = message.get("tool_calls")
    found, left = [], _READ
    for it in calls if isinstance(calls, list) else ():
        found.append(_call(it, left))
        left -= _size(it)
    if isinstance(older := message.get("function_call"), Mapping):
        found.append(_call({"function": older}))
    media = _media(message)
    return AnswerParts(
        content_text(message.get("content")) or "",
        _json({"tool_calls": sorted(found, key=_json) if found[1:] else found}) if found else "",
        refusal if isinstance(refusal, str) else "",
        finish if isinstance(finish, str) else "",
        _json({"media": media}) if media else "",
    )


def _size(call: object) -> int:
    """Characters of a call's arguments."""
    function = call.get("function") if isinstance(call, Mapping) else None
    arguments = function.get("arguments") if isinstance(function, Mapping) else None
    return len(arguments) if isinstance(arguments, str) else 0


def _call(call: object, readable: int = _READ) -> dict[str, Any]:
    call = call if isinstance(call, Mapping) else {}
    if isinstance(custom := call.get("custom"), Mapping):
        return {"input": custom.get("input"), "name": custom.get("name")}
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    arguments = function.get("arguments")
    if isinstance(arguments, str) and len(arguments) <= readable:
        # else as they are: a model may write what is no JSON
        with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
            arguments = _with_one_number(msgspec.json.decode(arguments or "{}"))
    return {"arguments": {} if arguments is None else arguments, "name": function.get("name")}


def _with_one_number(value: Any) -> Any:
    """The value, with whole numbers written as such: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {name: _with_one_number(it) for name, it in value.items()}
    return [_with_one_number(it) for it in value] if isinstance(value, list) else value


def _media(message: Mapping[str, Any]) -> list[str]:
    """SHA-256 of each part that is no text, in order, and of images and sounds beside them."""
    content = message.get("content")
    parts: list[Any] = [
        it
        for it in (content if isinstance(content, list) else ())
        if (type(it) is dict or isinstance(it, Mapping)) and not isinstance(it.get("text"), str)
    ]
    images, audio = message.get("images"), message.get("audio")
    parts += images if isinstance(images, list) else []
    if isinstance(audio, Mapping):
        parts.append({"audio": audio.get("data") or audio.get("id")})
    if len(parts) > _MEDIA:
        parts = [*parts[:_MEDIA], parts[_MEDIA:]]
    return [hashlib.sha256(_json(it).encode(errors="replace")).hexdigest() for it in parts]


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (UnicodeError, TypeError, ValueError, RecursionError):
        return repr(value)
