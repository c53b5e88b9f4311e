"""The text of a request, whole and capped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.core import Request
from routelab.errors import PolicyError
from routelab.signals.answer_text import content_text


def messages_of(request: Request) -> tuple[Mapping[str, Any], ...]:
    """The request's messages.

    Raises:
        PolicyError: it has none.
    """
    if request.messages is None:
        raise PolicyError(
            f"request {request.id!r} has no messages, which the policy's features read;"
            " give the prompt, or use a log that has a prompt column"
        )
    return request.messages


def text_of(request: Request) -> str:
    """What all messages say, a line break between them.

    Raises:
        PolicyError: the request has no messages.
    """
    messages = messages_of(request)
    if len(messages) == 1:
        return content_text(messages[0].get("content"))
    return "\n".join([content_text(message.get("content")) for message in messages])


def capped(text: str, cap: int) -> str:
    """Head and tail of a text that is longer than `cap` characters."""
    if len(text) <= cap:
        return text
    half = cap // 2
    return f"{text[:half]}\n{text[len(text) - half :]}"
