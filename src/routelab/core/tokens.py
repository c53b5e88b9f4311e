"""How many tokens a prompt has, estimated from its characters alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from routelab.core.protocol import Message

ANSWER_LIMITS = ("max_completion_tokens", "max_tokens")
"""Fields of a request that bound the tokens of its answer; the first goes before the second."""


def estimated_tokens(messages: Iterable[Message]) -> int:
    """About four ASCII characters to a token, and three tokens to four others.

    Never more than the number of characters, so that a prompt with fewer characters than a
    context window has tokens certainly fits.
    """
    return sum(tokens_of(text) for message in messages for text in _texts(message))


def tokens_of(text: str) -> int:
    """Estimated tokens of one text, rounded up."""
    foreign = 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))
    return -(-(len(text) + 2 * foreign) // 4)


def _texts(message: Message) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        yield from (text for text in parts if isinstance(text, str))
