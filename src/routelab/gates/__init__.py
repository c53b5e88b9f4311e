"""Quality gates: what an answer must be like. A new kind is one file and one line in `KINDS`."""

from __future__ import annotations

from typing import TypeAlias

from routelab.core.gate import Gate
from routelab.gates.as_json import Json
from routelab.gates.as_schema import JsonSchema
from routelab.gates.function import Function
from routelab.gates.language import Language
from routelab.gates.length import Length
from routelab.gates.non_empty import NonEmpty
from routelab.gates.pattern import Pattern
from routelab.gates.refusal import Refusal

__all__ = [
    "KINDS",
    "AnyGate",
    "Function",
    "Gate",
    "Json",
    "JsonSchema",
    "Language",
    "Length",
    "NonEmpty",
    "Pattern",
    "Refusal",
]

KINDS: tuple[type[Gate], ...] = (
    NonEmpty,
    Length,
    Json,
    JsonSchema,
    Pattern,
    Language,
    Refusal,
    Function,
)

AnyGate: TypeAlias = NonEmpty | Length | Json | JsonSchema | Pattern | Language | Refusal | Function
"""Every kind, for fields of policies; a test keeps it equal to `KINDS`."""
