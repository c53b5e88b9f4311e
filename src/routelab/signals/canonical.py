"""One form of an answer, whatever parts it has: for agreement, votes, gates, logs and equality."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from routelab.core.conversation import content_text
from routelab.signals.source import Body


class AnswerParts(msgspec.Struct, frozen=True):
    """What one choice of an answer says.

    Attributes:
        text: of its content; empty where it has none.
        calls: its tool calls as JSON, each with its name and arguments, without ids; their keys
            are sorted, so that equal calls are equal text.
        refusal: the words by which the model declares that it refuses; empty where it does not.
        finish: why it ended, as the endpoint says; empty where it does not.
    """

    text: str = ""
    calls: str = ""
    refusal: str = ""
    finish: str = ""

    @property
    def canonical(self) -> str:
        """All that it says as one text; of an answer that is text alone, that text."""
        return "\n".join(part for part in (self.text, self.refusal, self.calls) if part)

    @property
    def answers(self) -> bool:
        """Whether it is an answer: it says or calls something, and does not refuse."""
        said = bool(self.text.strip() or self.calls)
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
    found = [_call(it) for it in calls] if isinstance(calls, list) else []
    if isinstance(older := message.get("function_call"), Mapping):
        found.append(_call({"function": older}))
    return AnswerParts(
        content_text(message.get("content")) or "",
        _json({"tool_calls": found}) if found else "",
        refusal if isinstance(refusal, str) else "",
        finish if isinstance(finish, str) else "",
    )


def _call(call: object) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    function = function if isinstance(function, Mapping) else {}
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        # else as they are: a model may write what is no JSON
        with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
            arguments = msgspec.json.decode(arguments)
    return {"arguments": arguments, "name": function.get("name")}


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (UnicodeError, TypeError, ValueError, RecursionError):
        return repr(value)
