"""The answer must be JSON of a given shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from routelab.core import Gate
from routelab.core.messages import how_to_install, shown
from routelab.errors import MissingExtraError, PolicyError
from routelab.gates.json_value import json_value
from routelab.gates.pattern import pattern_problem

_SHOWN = 3
"""Violations told at once."""

_DEEPEST = 64
"""Objects and lists of a schema in one another."""


class JsonSchema(Gate, frozen=True, tag="json-schema"):
    """The whole answer is one JSON value that the schema allows.

    Attributes:
        schema: JSON Schema, draft 2020-12 unless `$schema` says another. References to other
            documents are not followed.
        fenced: a Markdown code block around the value is let pass.

    Needs the package jsonschema (extra `gates`).
    """

    schema: Mapping[str, Any]
    fenced: bool = True

    def __post_init__(self) -> None:
        if problems := [*_pattern_problems(self.schema)]:
            raise PolicyError(*(f"the schema of a gate: {it}" for it in problems[:_SHOWN]))

    def ready(self) -> None:
        _validator(_text(self.schema))

    def problem(self, text: str) -> str | None:
        try:
            value = json_value(text, fenced=self.fenced)
        except ValueError as error:
            return f"the answer is not JSON: {error}"
        found = sorted(_validator(_text(self.schema)).iter_errors(value), key=_place)
        if not found:
            return None
        problems = [f"{error.json_path}: {_short(error.message)}" for error in found[:_SHOWN]]
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return f"the answer does not fit its JSON Schema: {'; '.join(problems)}{more}"


def _pattern_problems(schema: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the regular expressions of a schema, or with its depth."""
    waiting: list[tuple[Any, int]] = [(schema, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            yield f"it is more than {_DEEPEST} deep; write less into one another, or use $defs"
            return
        if isinstance(value, dict):
            held = value.get("patternProperties")
            found = [value.get("pattern"), *(held if isinstance(held, dict) else ())]
            for regex in found:
                if isinstance(regex, str) and (problem := pattern_problem(regex)) is not None:
                    yield f"the pattern {shown(regex)!r} {problem}"
        inside = value.values() if isinstance(value, dict) else value
        waiting += [(it, depth + 1) for it in inside if isinstance(it, dict | list)]


def _text(schema: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(schema, order="deterministic")


def _place(error: Any) -> str:
    path: str = error.json_path
    return path


def _short(message: str) -> str:
    return message if len(message) <= 160 else f"{message[:157]}..."


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    """A schema is read once, however many answers are held against it."""
    try:
        from jsonschema import SchemaError
        from jsonschema.validators import validator_for
        from referencing import Registry
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a JSON Schema gate needs the package jsonschema: {how_to_install('gates')}"
        ) from error
    read = msgspec.json.decode(schema)
    kind = validator_for(read)
    try:
        kind.check_schema(read)
    except SchemaError as error:
        raise PolicyError(f"the schema of a gate is no JSON Schema: {error.message}") from error
    return kind(read, registry=Registry())
