"""The kinds of graders, and how they are written in a line."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from routelab.core import StructRegistry
from routelab.core.messages import nearest
from routelab.errors import GradingError, RoutelabError
from routelab.graders.grader import Grader
from routelab.graders.kinds import (
    ExactMatch,
    FunctionGrade,
    JsonFit,
    JsonMatch,
    MultipleChoice,
    NormalisedMatch,
    NumericMatch,
    PatternSearch,
    SqlResult,
    Substring,
    TokenF1,
    UnitTests,
    UserFeedback,
)

KINDS: tuple[type[Grader], ...] = (
    ExactMatch,
    NormalisedMatch,
    NumericMatch,
    MultipleChoice,
    TokenF1,
    Substring,
    JsonMatch,
    JsonFit,
    PatternSearch,
    SqlResult,
    UnitTests,
    FunctionGrade,
    UserFeedback,
)
"""The graders of routelab itself."""

REGISTRY: StructRegistry[Grader] = StructRegistry("routelab.graders", "grader", KINDS, Grader)
"""All kinds, with those of packages that were named."""


def grader_of(text: str) -> Grader:
    """A grader as a line says it.

    >>> from routelab.graders import grader_of
    >>> grader_of("numeric:relative=0.01,after=####")
    NumericMatch(relative=0.01, absolute=0.0, after='####')
    >>> grader_of('{"kind": "pattern", "regex": "^yes, "}').name
    'pattern'

    Args:
        text: a kind, after a colon its first field alone (`feedback:stars`) or fields by name
            (`KIND:FIELD=VALUE,FIELD=VALUE`); or JSON.
    Raises:
        GradingError: no such kind or field, or a value that the kind refuses.
    """
    kind, colon, rest = text.partition(":")
    try:
        if text.lstrip().startswith("{"):
            return REGISTRY.from_wire(msgspec.json.decode(text))
        fields = _fields(kind.strip(), rest) if colon else {}
        return REGISTRY.from_wire({"kind": kind.strip(), **fields})
    except msgspec.DecodeError as error:
        raise GradingError(f"grader {text[:80]!r}: not valid JSON: {error}") from error
    except RoutelabError as error:
        raise GradingError(*(f"grader {text[:80]!r}: {it}" for it in error.problems)) from error


def _fields(kind: str, text: str) -> dict[str, Any]:
    known = REGISTRY.kinds[kind].__struct_fields__ if kind in REGISTRY.kinds else ()
    head, equals, _ = text.partition("=")
    if head.strip() not in known:
        if equals and (meant := nearest(head.strip(), known)):  # would be a value, in silence
            raise GradingError(
                f"no field {head.strip()!r}; write {meant!r}, or {known[0]}={text} if all of it is"
                " the value"
            )
        return {known[0]: _value(text)} if known else {}
    found: dict[str, Any] = {}
    name = ""
    for part in text.split(","):  # a value may have commas, where no field follows them
        head, equals, value = part.partition("=")
        if equals and head.strip() in known:
            name = head.strip()
            found[name] = value
        else:
            found[name] = f"{found[name]},{part}"
    return {name: _value(value) for name, value in found.items()}


def _value(text: str) -> Any:
    """A number, a truth or an object as JSON has it; else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | dict) else text
