"""Whether an answer, or a piece of one, says that something went wrong."""

from __future__ import annotations

from collections.abc import Mapping

_FAILED_FINISHES = frozenset(("error", "network_error"))

_CHOICES = 1_024
"""Choices that are looked at; an answer of more is none."""


def error_of(body: object) -> object:
    """What a body of an answer, or a piece of one, says went wrong; None if nothing did.

    An error beside a choice that ended well is none.

    Args:
        body: as decoded.
    """
    if isinstance(body, list):
        body = body[0] if body else None
    if type(body) is not dict and not isinstance(body, Mapping):
        return None
    choices = body.get("choices")
    ends: list[object] = []
    for choice in choices[:_CHOICES] if isinstance(choices, list) else ():
        if type(choice) is not dict and not isinstance(choice, Mapping):
            continue
        finish = choice.get("finish_reason")
        if choice.get("error"):
            return choice["error"]
        if isinstance(finish, str) and finish in _FAILED_FINISHES:
            return body.get("error") or {"message": f"the answer ended with {finish!r}"}
        ends.append(finish)
    if ends and all(ends):
        return None
    error = body.get("error")
    blocked = body.get("promptFeedback") if not error and not ends else None
    if isinstance(blocked, Mapping) and blocked.get("blockReason"):
        return blocked
    if not error and (body.get("object") == "error" or body.get("type") == "error"):
        return body
    return error or None
