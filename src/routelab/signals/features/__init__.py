"""Features of a request: what scorers read. A new kind is one file and one line in `KINDS`."""

from __future__ import annotations

from typing import Any, Union

from routelab.core.wire import decoded, encoded
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

_ANY: Any = Union[KINDS]  # noqa: UP007  (built from the registry)


def from_wire(data: object) -> Provider:
    """A provider from its JSON form.

    Raises:
        PolicyError: an unknown kind or field, a wrong type, or a value the kind refuses.
    """
    provider: Provider = decoded(data, _ANY)
    return provider


def to_wire(provider: Provider) -> dict[str, Any]:
    """A provider as plain JSON data; `from_wire` gives an equal one back."""
    return encoded(provider)
