"""The text of a chat completion."""

from __future__ import annotations

from routelab.signals.source import Body


def answer_text(body: Body) -> str | None:
    """Text of the first choice; empty for a bare tool call, None if there is no choice."""
    try:
        message = body["choices"][0]["message"]
        return content_text(message.get("content"))
    except (KeyError, IndexError, TypeError, AttributeError):
        return None


def content_text(content: object) -> str:
    """Text of a message's content, which is a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))
