"""Descriptions of any of some kinds, as plain JSON data and back."""

from __future__ import annotations

from typing import Any

import msgspec

from routelab.errors import PolicyError


def decoded(data: object, kinds: Any) -> Any:
    """One of the kinds from its JSON form.

    Args:
        kinds: the union of them, told apart by their tags.
    Raises:
        PolicyError: an unknown kind or field, a wrong type, or a value the kind refuses.
    """
    try:
        return msgspec.convert(data, kinds)
    except msgspec.ValidationError as error:
        raise PolicyError(str(error)) from error


def encoded(value: msgspec.Struct) -> dict[str, Any]:
    """A description as plain JSON data; `decoded` gives an equal one back."""
    data: dict[str, Any] = msgspec.to_builtins(value)
    return data
