"""Small parts of schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
AMOUNT: Schema = {"type": "number", "minimum": 0}
COUNT: Schema = {"type": "integer", "minimum": 0}
OBJECT: Schema = {"type": "object"}
FREE: Schema = {}
"""Anything: it is passed on to a model as it is."""


def named(name: str) -> Schema:
    """A schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(schema: Schema) -> Schema:
    """The same, or null, which counts as left out."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema, least: int = 0) -> Schema:
    """A list of it."""
    return {"type": "array", "items": schema, **({"minItems": least} if least else {})}


def one_of(values: Sequence[Any]) -> Schema:
    """One of some values."""
    return {"enum": [*values]}


def record(
    fields: Mapping[str, Schema],
    needed: Sequence[str] = (),
    *,
    closed: bool = False,
    about: str = "",
) -> Schema:
    """An object.

    Args:
        fields: by name.
        needed: that have to be there.
        closed: there are no others.
        about: what it is.
    """
    return {
        "type": "object",
        **({"description": about} if about else {}),
        "properties": dict(fields),
        **({"required": [*needed]} if needed else {}),
        **({"additionalProperties": False} if closed else {}),
    }
