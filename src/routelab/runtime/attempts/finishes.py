"""Finish reasons that say an answer is none: filtered, broken off, or not made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from routelab.runtime.attempts.failures import (
    CUT,
    EMPTY,
    FILTERED,
    OUTPUT,
    Failure,
    judged,
    sentence_of,
)
from routelab.signals import AnswerParts, answer_parts

GOOD_ENDS = frozenset(("stop", "length", "tool_calls", "function_call"))
"""Those of the protocol, which are looked at no further."""

# None speaks against the deployment: what one caller asks for may bring each of them about.
_BAD = (
    (
        OUTPUT,
        r"malformed|unexpected_tool|invalid_tool|too_many_tool|no_image",
    ),
    (
        FILTERED,
        r"filter|safety|recitation|blocklist|prohibited|\bspii\b|toxic|guardrail|sensitive|blocked"
        r"|moderation|refusal",
    ),
    (
        CUT._replace(against=False),
        r"error|abort|cancel|time_?d?_?out|insufficient|interrupt|fail|unavailable|overload"
        r"|disconnect|killed|resource",
    ),
)
_PATTERNS = [(failure, re.compile(pattern)) for failure, pattern in _BAD]

_FILTERED = "content_filter"

_LONGEST = 200
"""Characters of a finish reason that are looked at."""

_BETWEEN = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z0-9]+")


class BadEnd(NamedTuple):
    """That an answer is none.

    Attributes:
        failure: its class.
        says: in a sentence.
    """

    failure: Failure
    says: str


def may_be_bad(body: Mapping[str, Any]) -> bool:
    """Whether a chat completion, or a piece of one, says anything that may make it no answer.

    Args:
        body: as decoded, with choices in their form, or without any.
    """
    choices = body.get("choices") or ()
    return bool(body.get("error")) or any(_failure_of(it.get("finish_reason")) for it in choices)


def bad_end(body: Mapping[str, Any]) -> BadEnd | None:
    """What says that a whole chat completion is no answer; None where nothing does.

    What a `content_filter` left of a text is one: clients know that word. An error beside a choice
    that says something is none, and beside one that says nothing it is all there is.

    Args:
        body: as decoded, with choices in their form.
    """
    if not may_be_bad(body):
        return None
    parts, error = answer_parts(body), body.get("error")
    for it in parts:
        failure = _failure_of(it.finish)
        if failure is not None and not (it.finish == _FILTERED and _says_something(it)):
            return BadEnd(failure, f"ended its answer with {it.finish[:80]!r}")
    if error and not any(map(_says_something, parts)):
        verdict = judged(None, {"error": error})
        failure = CUT._replace(against=False) if verdict.failure is EMPTY else verdict.failure
        return BadEnd(failure, f"answered nothing but an error: {sentence_of(error)[:200]}")
    return None


def _failure_of(finish: object) -> Failure | None:
    """What a finish reason says of an answer; None where it says nothing against it."""
    if not isinstance(finish, str) or finish in GOOD_ENDS:
        return None
    word = _BETWEEN.sub("_", finish[:_LONGEST]).strip("_").lower()
    return next((failure for failure, bad in _PATTERNS if bad.search(word)), None)


def _says_something(it: AnswerParts) -> bool:
    return bool(it.text.strip() or it.calls or it.refusal)
