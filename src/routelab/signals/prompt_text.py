"""The text of a prompt, as logs hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routelab.signals.answer_text import content_text


def prompt_text(messages: object) -> str:
    """The text of the user's messages, one after the other."""
    listed: Sequence[Any] = messages if isinstance(messages, list | tuple) else ()
    return "".join(
        content_text(message.get("content"))
        for message in listed
        if isinstance(message, Mapping) and message.get("role") == "user"
    )
