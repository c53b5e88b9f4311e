"""The text of a prompt, as logs hold it."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.core.conversation import DEFAULT_READS, message_text, read_messages


def prompt_text(messages: object) -> str:
    """The text of the user's messages, a line break between them."""
    listed = messages if isinstance(messages, list | tuple) else ()
    said = tuple(message for message in listed if isinstance(message, Mapping))
    return message_text(read_messages(said, DEFAULT_READS))
