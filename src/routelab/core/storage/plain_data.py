"""Descriptions of any of some kinds, as plain JSON data."""

from __future__ import annotations

from typing import Any

import msgspec


def encoded(value: msgspec.Struct) -> dict[str, Any]:
    """A description as plain JSON data."""
    data: dict[str, Any] = msgspec.to_builtins(value)
    return data
