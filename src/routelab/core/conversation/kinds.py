"""What a request's messages hold besides one text of the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from routelab.core.conversation.parsing import ROLES
from routelab.core.conversation.reading import READS, SYSTEM_ROLES, attachment
from routelab.core.protocol import Message

TURNS, SYSTEM_TEXT, ANSWERS, TOOLS = "several turns", "system text", "earlier answers", "tools"
"""Kinds of messages besides one text of the user; images and other attachments have their own."""
DIALOGUE = frozenset({TURNS, SYSTEM_TEXT, ANSWERS})
"""Kinds that are plain text, which a policy reads or not."""
LONG, LONG_TURNS = "over 8 turns", 8
"""A kind of its own: who was tuned on short conversations was not measured on such ones."""
UNKNOWN_ROLES = "unknown roles"
"""A kind that no log holds, as they are refused there."""
_TOOL_ROLES = ("tool", "function")
_PLAIN: frozenset[str] = frozenset()


def kinds_of(messages: Sequence[Message]) -> frozenset[str]:
    """What messages hold besides one text of the user; empty for that alone.

    Some of "several turns", "over 8 turns", "system text", "earlier answers", "tools",
    "unknown roles", "image", "audio", "file", "video" and "other part".
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
        unread.update((TURNS, LONG))
    return frozenset(kinds) - unread


def _kinds(messages: Sequence[Message]) -> Iterator[str]:
    turns = sum(message.get("role") == "user" for message in messages)
    if turns > 1:
        yield TURNS
    if turns > LONG_TURNS:
        yield LONG
    for message in messages:
        role = message.get("role")
        if role in SYSTEM_ROLES:
            yield SYSTEM_TEXT
        elif role == "assistant":
            yield ANSWERS
        elif role not in ROLES:
            yield UNKNOWN_ROLES
        if role in _TOOL_ROLES or message.get("tool_calls") or message.get("function_call"):
            yield TOOLS
        content = message.get("content")
        for part in content if isinstance(content, list | tuple) else ():
            if (what := attachment(part)) is not None:
                yield what
