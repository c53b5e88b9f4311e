"""A name that is none of those there are."""

from __future__ import annotations

from collections.abc import Iterable

from routelab.core.messages.wording import foreign, value_text

_LONGEST = 200
"""Characters of a name that somebody may have meant to write."""


def nearest(value: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that was likely meant.

    Args:
        cutoff: how alike they must be, from 0 to 1.
    """
    if len(value) > _LONGEST:
        return None
    from difflib import get_close_matches  # only who errs waits for it

    return next(iter(get_close_matches(value, tuple(names), 1, cutoff)), None)


def unknown_name(field: str, value: object, names: Iterable[str]) -> str:
    """That a field cannot have a value, what was likely meant, and what there is.

    Args:
        field: what the value is for, such as "model".
        value: that was given.
        names: that there are.
    """
    names = tuple(names)
    near = nearest(value, names) if isinstance(value, str) else None
    meant = f"write {near!r}; " if near else ""
    shown = repr(value) if len(str(value)) <= _LONGEST else value_text(value)
    return foreign(f"no {field} {shown}; {meant}there is {', '.join(names)}")
