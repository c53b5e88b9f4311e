"""What a request's messages hold besides one text of the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from routelab.core.conversation.reading import READS, SYSTEM_ROLES, attachment
from routelab.core.protocol import Message

TURNS, SYSTEM_TEXT, ANSWERS, TOOLS = "several turns", "system text", "earlier answers", "tools"
"""Kinds of messages besides one text of the user; images and other attachments have their own."""
DIALOGUE = frozenset({TURNS, SYSTEM_TEXT, ANSWERS})
"""Kinds that are plain text, which a policy reads or not."""
_TOOL_ROLES = ("tool", "function")
_PLAIN: frozenset[str] = frozenset()


def kinds_of(messages: Sequence[Message]) -> frozenset[str]:
    """What messages hold besides one text of the user; empty for that alone.

    Some of "several turns", "system text", "earlier answers", "tools", "image", "audio", "file",
    "video" and "other part".
    """
    if len(messages) == 1:
        only = messages[0]
        if only.get("role") == "user" and type(only.get("content")) is str:
            return _PLAIN
    return frozenset(_kinds(messages))


def kinds_read(kinds: Iterable[str], reads: str | None) -> frozenset[str]:
    """Those of the kinds that change what is read, in one of the ways of `READS`."""
    turns, _, system = (reads or READS[-1]).partition("+")
    unread = set()
    if not system:
        unread.add(SYSTEM_TEXT)
    if turns != "conversation":
        unread.add(ANSWERS)
    if turns == "last_turn":
        unread.add(TURNS)
    return frozenset(kinds) - unread


def _kinds(messages: Sequence[Message]) -> Iterator[str]:
    if sum(message.get("role") == "user" for message in messages) > 1:
        yield TURNS
    for message in messages:
        role = message.get("role")
        if role in SYSTEM_ROLES:
            yield SYSTEM_TEXT
        elif role == "assistant":
            yield ANSWERS
        if role in _TOOL_ROLES or message.get("tool_calls") or message.get("function_call"):
            yield TOOLS
        content = message.get("content")
        for part in content if isinstance(content, list | tuple) else ():
            if (what := attachment(part)) is not None:
                yield what
