"""The kinds of feature. A new kind is one file and one line in `KINDS`."""

from __future__ import annotations

from typing import Any

from routelab.core import StructRegistry
from routelab.core.storage import encoded
from routelab.signals.features.answer import Answer
from routelab.signals.features.embedding import Embedding
from routelab.signals.features.hashed_words import HashedWords
from routelab.signals.features.numbers import Numbers
from routelab.signals.features.provider import FeatureProvider

KINDS: tuple[type[FeatureProvider], ...] = (
    Numbers,
    HashedWords,
    Embedding,
    Answer,
)
"""The features of routelab itself."""

REGISTRY: StructRegistry[FeatureProvider] = StructRegistry(
    "routelab.features", "kind", KINDS, FeatureProvider
)
"""All kinds, with those of packages that were named."""


def from_wire(data: object) -> FeatureProvider:
    """A provider from its JSON form.

    Raises:
        PolicyError: an unknown kind or field, a wrong type, or a value the kind refuses.
    """
    return REGISTRY.from_wire(data)


def to_wire(provider: FeatureProvider) -> dict[str, Any]:
    """A provider as plain JSON data; `from_wire` gives an equal one back."""
    return encoded(provider)
