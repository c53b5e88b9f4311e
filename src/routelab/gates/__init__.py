"""Quality gates: what an answer must be like. A new kind is one file and one line in `KINDS`.

Other packages bring kinds by entry points of the group `routelab.gates`.
"""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

from routelab.core import Gate, StructRegistry
from routelab.gates.effort import shared_effort
from routelab.gates.function import Function
from routelab.gates.json_schema import JsonSchema
from routelab.gates.json_value import Json, json_value
from routelab.gates.judging import PATIENCE_S, is_quick, verdict
from routelab.gates.language import Language
from routelab.gates.length import Length
from routelab.gates.non_empty import NonEmpty
from routelab.gates.pattern import Pattern
from routelab.gates.refusal import Refusal

__all__ = [
    "KINDS",
    "PATIENCE_S",
    "REGISTRY",
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
    "is_quick",
    "json_value",
    "shared_effort",
    "verdict",
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
"""The gates of routelab itself."""

REGISTRY: StructRegistry[Gate] = StructRegistry("routelab.gates", "gate", KINDS, Gate)
"""All kinds, with those of packages that were named."""

if TYPE_CHECKING:
    AnyGate = Gate
else:

    class AnyGate(ABC):  # noqa: B024  (msgspec hands a field of this type to the registry)
        """A gate of a policy: decoded by its `kind`, whatever kinds there are."""

    AnyGate.register(Gate)
