"""A name that is none of those there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def none_of(field: str, value: object, names: Iterable[str]) -> str:
    """That a field cannot have a value, what was likely meant, and what there is."""
    names = tuple(names)
    near = get_close_matches(value, names, 1) if isinstance(value, str) else []
    meant = f"write {near[0]!r}; " if near else ""
    return f"no {field} {value!r}; {meant}there is {', '.join(names)}"
