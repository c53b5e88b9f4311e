"""The text of a request, whole and capped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.core import Request
from routelab.core.conversation import message_text
from routelab.errors import PolicyError


def messages_of(request: Request) -> tuple[Mapping[str, Any], ...]:
    """The request's messages, as far as they are to be read.

    Raises:
        PolicyError: it has none.
    """
    if (read := request.read) is None:
        raise PolicyError(
            f"request {request.id!r} has no messages, which the policy's features read;"
            " give the prompt, or use a log that has a prompt column"
        )
    return read


def text_of(request: Request) -> str:
    """What is read of the messages, a line break between them.

    Raises:
        PolicyError: the request has no messages.
    """
    return message_text(messages_of(request))


def capped(text: str, cap: int) -> str:
    """Head and tail of a text that is longer than `cap` characters."""
    if len(text) <= cap:
        return text
    half = cap // 2
    return f"{text[:half]}\n{text[len(text) - half :]}"
