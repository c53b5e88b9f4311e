"""The answer must be JSON of a given shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from routelab.core import Gate
from routelab.core.messages import how_to_install, shown
from routelab.errors import MissingExtraError, PolicyError
from routelab.gates.json_value import json_value
from routelab.gates.pattern import pattern_problem
from routelab.gates.schema_effort import schema_effort

_SHOWN = 3
"""Violations told at once."""

_LISTED = 4_000
"""Characters of an answer all of whose violations are looked for; of a longer one, the first."""

_DEEPEST = 64
"""Objects and lists of a schema in one another."""


class JsonSchema(Gate, frozen=True, tag="json-schema"):
    """The whole answer is one JSON value that the schema allows.

    Attributes:
        schema: JSON Schema, draft 2020-12 unless `$schema` says another from draft 4 on.
            References to other documents are not followed; formats are not looked at.
        fenced: a Markdown code block around the value is let pass.

    Needs the package jsonschema-rs (extra `gates`).
    """

    schema: Mapping[str, Any]
    fenced: bool = True

    def __post_init__(self) -> None:
        # No more are looked for than are shown: a hostile schema has thousands.
        if problems := [*islice(_pattern_problems(self.schema), _SHOWN)]:
            raise PolicyError(*(f"the schema of a gate: {it}" for it in problems))

    def ready(self) -> None:
        _compiled(_text(self.schema))

    def problem(self, text: str) -> str | None:
        try:
            value = json_value(text, fenced=self.fenced)
        except ValueError as error:
            return f"the answer is not JSON: {error}"
        validator = _compiled(_text(self.schema)).validator
        try:
            if validator.is_valid(value):
                return None
            problems = sorted(_problems(validator, value, every=len(text) <= _LISTED))
        except UnicodeEncodeError:
            return "the answer is not JSON that can be checked: half of a surrogate pair is in it"
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        told = "; ".join(f"{path}: {words}" for path, words in problems[:_SHOWN])
        return f"the answer does not fit its JSON Schema: {told}{more}"

    def effort(self, text: str) -> float:
        return _compiled(_text(self.schema)).effort * (len(text) + 1)


def _problems(validator: Any, value: Any, *, every: bool) -> Iterator[tuple[str, str]]:
    """Places and words of violations; the first alone where they may be too many to list."""
    if every:
        for error in validator.iter_errors(value):
            yield _place(error.instance_path), _short(error.message)
        return
    try:
        validator.validate(value)
    except ValueError as error:
        found: Any = error
        yield _place(found.instance_path), _short(found.message)


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


def _place(path: list[str | int]) -> str:
    """A path as JSONPath has it."""
    names = (f"[{it}]" if isinstance(it, int) else f".{it}" for it in path)
    return _short("$" + "".join(names))


def _short(message: str) -> str:
    """The beginning and the end of what quotes an answer, which may be any length."""
    return message if len(message) <= 160 else f"{message[:75]} ... {message[-80:]}"


class _Compiled(NamedTuple):
    validator: Any
    effort: float


@lru_cache(maxsize=64)
def _compiled(schema: bytes) -> _Compiled:
    """A schema is compiled once, however many answers are held against it."""
    try:
        import jsonschema_rs
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a JSON Schema gate needs the package jsonschema-rs: {how_to_install('gates')}"
        ) from error
    read = msgspec.json.decode(schema)
    try:
        validator = jsonschema_rs.validator_for(read, validate_formats=False, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        why = _short(getattr(error, "message", str(error)).split("\n")[0])
        raise PolicyError(f"the schema of a gate is no JSON Schema: {why}") from error
    return _Compiled(validator, schema_effort(read))
