"""The kinds of feature. A new kind is one file and one line in `KINDS`."""

from __future__ import annotations

from typing import Any, Union

import msgspec

from routelab.errors import PolicyError
from routelab.signals.features.answer import Answer
from routelab.signals.features.embedding import Embedding
from routelab.signals.features.hashed import Hashed
from routelab.signals.features.numbers import Numbers
from routelab.signals.features.provider import Provider

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
    try:
        provider: Provider = msgspec.convert(data, _ANY)
    except msgspec.ValidationError as error:
        raise PolicyError(str(error)) from error
    return provider


def to_wire(provider: Provider) -> dict[str, Any]:
    """A provider as plain JSON data; `from_wire` gives an equal one back."""
    data: dict[str, Any] = msgspec.to_builtins(provider)
    return data
