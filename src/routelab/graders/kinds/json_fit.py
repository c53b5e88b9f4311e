"""The answer is JSON of a given shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from routelab.errors import GradingError, PolicyError
from routelab.gates import JsonSchema, json_value
from routelab.graders.grader import Case, Grader
from routelab.graders.kinds.bounded_gate import gate_grade


class JsonFit(Grader, frozen=True, tag="json-schema"):
    """The whole answer is one JSON value that a JSON Schema allows, as the gate `json-schema` asks.

    Attributes:
        schema: for all answers; None where the reference of each is its schema.
        fenced: a Markdown code block around the value is let pass.

    Needs the package jsonschema-rs (extra `gates`).
    """

    needs_reference: ClassVar[bool] = False

    schema: Mapping[str, Any] | None = None
    fenced: bool = True

    def __post_init__(self) -> None:
        if self.schema is not None:
            self._gate(self.schema)

    def ready(self) -> None:
        JsonSchema(schema=self.schema or {}).ready()

    def grade(self, case: Case) -> float:
        if self.schema is not None:
            return gate_grade(self._gate(self.schema), case.answer)
        if not case.references:
            raise GradingError("json-schema: neither a schema nor a reference that is one")
        return max(gate_grade(self._gate(_schema(it)), case.answer) for it in case.references)

    def _gate(self, schema: Mapping[str, Any]) -> JsonSchema:
        try:
            return JsonSchema(schema=schema, fenced=self.fenced)
        except (PolicyError, msgspec.ValidationError) as error:
            raise GradingError(f"json-schema: {error}") from error


def _schema(reference: str) -> Mapping[str, Any]:
    try:
        value = json_value(reference, fenced=False)
    except ValueError as error:
        raise GradingError(f"json-schema: the reference is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise GradingError("json-schema: the reference is JSON, and no schema: give an object")
    return value
