"""Fields of a TOML file that nothing has: told all at once, with those there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


def table(read: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table inside another one; empty where it is missing or something else."""
    inside = read.get(name)
    return inside if isinstance(inside, dict) else {}


def beyond(read: object, kind: type[msgspec.Struct], place: str) -> Iterator[str]:
    """Fields that `kind` does not have."""
    fields = kind.__struct_fields__
    if unknown := [key for key in read if key not in fields] if isinstance(read, dict) else ():
        yield f"{place}: no field {', '.join(map(repr, unknown))}; there is {', '.join(fields)}"
