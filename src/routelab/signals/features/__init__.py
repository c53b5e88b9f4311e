"""Features of a request: what scorers read. A new kind is one file and one line in `KINDS`.

Other packages bring kinds by entry points of the group `routelab.features`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from routelab.core.registry import StructRegistry
from routelab.errors import PolicyError
from routelab.signals.features.answer import Answer
from routelab.signals.features.counts import NAMES
from routelab.signals.features.embedding import Embedding
from routelab.signals.features.hashed import Hashed
from routelab.signals.features.numbers import Numbers
from routelab.signals.features.provider import Bound, Provider
from routelab.signals.features.tensors import Tensors
from routelab.signals.features.text import text_of
from routelab.signals.features.vector import Matrix, Vector, beside, joined

__all__ = [
    "KINDS",
    "NAMES",
    "REGISTRY",
    "Answer",
    "Bound",
    "Embedding",
    "Hashed",
    "Matrix",
    "Numbers",
    "Provider",
    "Tensors",
    "Vector",
    "beside",
    "from_wire",
    "joined",
    "text_of",
    "to_wire",
]

KINDS: tuple[type[Provider], ...] = (
    Numbers,
    Hashed,
    Embedding,
    Answer,
)

REGISTRY: StructRegistry[Provider] = StructRegistry("routelab.features", "kind", KINDS, Provider)
"""All kinds, with those of packages that were named."""


def from_wire(data: object) -> Provider:
    """A provider from its JSON form.

    Raises:
        PolicyError: an unknown kind or field, a wrong type, or a value the kind refuses.
    """
    try:
        provider = REGISTRY.decode(data)
    except msgspec.ValidationError as error:
        raise PolicyError(str(error)) from error
    return provider


def to_wire(provider: Provider) -> dict[str, Any]:
    """A provider as plain JSON data; `from_wire` gives an equal one back."""
    data: dict[str, Any] = msgspec.to_builtins(provider)
    return data
