"""Values in a line, as a prompt shows them: what is large is counted and not shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, TypeVar

_T = TypeVar("_T", bound=type)

LONGEST = 400
"""Characters of a line."""

_FIELD = 80
"""Characters of a field."""

_TEXT = 10_000
"""Characters of a text that are written out."""

_FEW = 12
"""Items of a collection that may be shown."""


def short_repr(kind: _T) -> _T:
    """Have a class of fields (a dataclass, a struct) show itself in a line, to be put above it."""
    kind.__repr__ = _of_fields  # type: ignore[assignment]
    return kind


def one_line(text: str, most: int = LONGEST) -> str:
    """A text without line breaks, and cut where it is longer than a line."""
    flat = " ".join(text.split()) if "\n" in text else text
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def _of_fields(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        names: Sequence[str] = [it.name for it in dataclasses.fields(value) if it.repr]
    else:
        names = value.__struct_fields__
    shown = ", ".join(f"{name}={_brief(getattr(value, name))}" for name in names)
    return one_line(f"{type(value).__name__}({shown})")


def _brief(value: Any) -> str:
    if (shape := getattr(value, "shape", None)) is not None:
        return f"<{type(value).__name__} {'x'.join(map(str, shape))}>"
    collection = isinstance(value, Mapping | Set | Sequence) and not isinstance(value, str | bytes)
    if collection and len(value) > _FEW:
        return f"<{len(value)} items>"
    if isinstance(value, str | bytes):
        return repr(value[:_FIELD])
    shown = repr(value)
    if len(shown) <= _FIELD and "\n" not in shown:
        return shown
    return f"<{len(value)} items>" if collection else one_line(shown, _FIELD)


def brief(value: object, most: int) -> str:
    """The beginning of what `repr` says of JSON, however much of it there is.

    Args:
        value: as JSON is decoded.
        most: characters.
    """
    parts: list[str] = []
    left = most
    for part in _written(value):
        parts.append(part)
        left -= len(part)
        if left <= 0:
            break
    return "".join(parts)[:most]


def _written(value: object) -> Iterator[str]:
    """What `repr` says of JSON, part by part; of a long text its beginning."""
    if isinstance(value, dict):
        yield "{"
        for at, (name, it) in enumerate(value.items()):
            yield ", " if at else ""
            yield from _written(name)
            yield ": "
            yield from _written(it)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for at, it in enumerate(value):
            yield ", " if at else ""
            yield from _written(it)
        yield "]"
    else:
        yield repr(value[:_TEXT] if isinstance(value, str) else value)
