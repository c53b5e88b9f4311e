"""How much work a JSON Schema makes: how often its parts are held against one value of an answer.

Without references a schema is a tree, and each part of it meets each value of an answer at most
once. A reference puts its target in the place of itself, which may double and double again; one
that comes back to itself may do so for every level of an answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

_REFERENCES = ("$dynamicRef", "$recursiveRef", "$id", "id", "$anchor", "$dynamicAnchor")
"""What may lead anywhere: not followed here, so that nothing is known of such a schema."""

_TWICE = ("unevaluatedProperties", "unevaluatedItems")
"""What looks again at all that other parts have looked at."""

_BACKTRACKS = re.compile(r"\(\?[=!<]|\\[1-9]|\\k")
"""What makes a pattern one that no automaton matches."""


def schema_effort(schema: Mapping[str, Any]) -> float:
    """Parts of a schema with all references replaced; infinite where there is no such bound."""
    sizes: dict[str, float] = {}
    waiting = ["#"]
    while waiting:
        pointer = waiting[-1]
        if sizes.get(pointer, -1.0) >= 0.0:
            waiting.pop()
            continue
        target = _at(schema, pointer)
        if target is _NOWHERE or (parts := _parts(target)) is None:
            return math.inf
        size, references = parts
        lacking = [it for it in references if it not in sizes]
        if any(sizes.get(it, 0.0) < 0.0 for it in references):
            return math.inf  # one that is not finished: it leads back to itself
        if lacking:
            sizes[pointer] = -1.0
            waiting += lacking[:1]
            continue
        sizes[pointer] = size + sum(sizes[it] for it in references)
    return sizes["#"]


_NOWHERE = object()


def _parts(schema: Any) -> tuple[int, list[str]] | None:
    """How many values a schema holds, and what it refers to; None if nothing is known of it."""
    count, references = 0, list[str]()
    for value in _values(schema):
        count += 1
        if not isinstance(value, dict):
            continue
        if any(isinstance(value.get(it), str) for it in _REFERENCES) or any(
            it in value for it in _TWICE
        ):
            return None
        patterns = value.get("patternProperties")
        held = [value.get("pattern"), *(patterns if isinstance(patterns, dict) else ())]
        if any(isinstance(it, str) and _BACKTRACKS.search(it) for it in held):
            return None
        reference = value.get("$ref")
        if isinstance(reference, str):
            references.append(reference)
    return count, references


def _values(schema: Any) -> Iterator[Any]:
    """A schema and all that is in it; definitions count here, and wherever they are referred to."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value


def _at(schema: Any, pointer: str) -> Any:
    """The part of a schema that a reference means, if it is a JSON pointer into it."""
    if pointer != "#" and not pointer.startswith("#/"):
        return _NOWHERE
    for name in pointer.split("/")[1:]:
        key = unquote(name).replace("~1", "/").replace("~0", "~")
        if isinstance(schema, dict) and key in schema:
            schema = schema[key]
        elif isinstance(schema, list) and key.isdecimal() and int(key) < len(schema):
            schema = schema[int(key)]
        else:
            return _NOWHERE
    return schema
