"""The text of a chat completion."""

from __future__ import annotations

from routelab.core.conversation import content_text
from routelab.signals.source import Body


def answer_text(body: Body) -> str | None:
    """Text of the first choice; empty for a bare tool call, None if there is no choice."""
    try:
        content = body["choices"][0]["message"].get("content")
        return content if type(content) is str else content_text(content)
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
