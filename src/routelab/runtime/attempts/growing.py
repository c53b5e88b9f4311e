"""Values that grow piece by piece: text and lists add up, objects field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ENTRIES = 1_000
"""Tool calls of an answer, and entries of any other list in it that pieces go on with."""

_ONCE = frozenset(("role", "type", "id", "object", "format", "call_id", "status"))
"""Text that some endpoints repeat in every piece; it does not add up."""

_GROWING = frozenset(
    (
        "content",
        "text",
        "arguments",
        "refusal",
        "reasoning",
        "reasoning_content",
        "thinking",
        "thought",
        "summary",
        "transcript",
        "data",
        "input",
    )
)
"""Text that adds up, also where two pieces of it are alike. Other text adds up unless repeated."""

_GROWING_PARTS = frozenset(("text", "output_text", "thinking", "reasoning"))
"""Types of parts of a content that go on from piece to piece."""


PARTS = 10_000
"""Parts of a content, whose text, images and sounds make up a message."""

FIELDS = 1_000
"""Names of an object that grows."""


class PieceError(ValueError):
    """A piece is no `chat.completion.chunk`, or one too many."""


class GrowingText:
    """A text that grows piece by piece, and is put together once: each sum would copy it all."""

    __slots__ = ("_parts", "size")

    def __init__(self, *parts: str) -> None:
        self._parts = list(parts)
        self.size = sum(map(len, parts))

    def add(self, part: str) -> None:
        self._parts.append(part)
        self.size += len(part)

    def __str__(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def ends_with(self, mark: str) -> bool:
        """Whether it does, white space apart; only its last part is looked at."""
        return bool(self._parts) and self._parts[-1].rstrip().endswith(mark)


class _Entries(list[Any]):
    """A list of objects, each found by its index without a look at the others."""

    def __init__(self, entries: Iterable[Any] = ()) -> None:
        super().__init__(entries)
        self.last: dict[object, dict[str, Any]] = {}
        for it in self:
            if isinstance(it, dict):
                self.last[_hashed(it.get("index"))] = it

    def put(self, entry: dict[str, Any], index: object) -> None:
        """Add an object that has, or is about to have, this index."""
        if len(self) >= ENTRIES:
            raise PieceError(f"more than {ENTRIES:,} entries of a list")
        self.append(entry)
        self.last[_hashed(index)] = entry


def _hashed(index: object) -> object:
    """An index as a key: an object or a list is one that no other is like."""
    return index if isinstance(index, str | int | float | None) else id(index)


def merge(into: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Text and lists add up, objects field by field; empty values overwrite nothing.

    Raises:
        PieceError: a list grows out of bounds.
    """
    for name, value in piece.items():
        known = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif name == "content" and (isinstance(value, list) or isinstance(known, list)):
            into[name] = known if isinstance(known, _Entries) else _Entries(_parts(known))
            _extend_parts(into[name], _parts(value))
        elif isinstance(value, str) and isinstance(known, str | GrowingText):
            into[name] = _joined(name, known, value)
        elif isinstance(value, list):
            into[name] = known if isinstance(known, list) else _Entries()
            _extend(into[name], value)
        elif isinstance(value, Mapping):
            into[name] = known if isinstance(known, dict) else {}
            merge(into[name], value)
        elif value == "" and known:
            continue
        else:
            into[name] = value
    if len(into) > FIELDS:
        raise PieceError(f"more than {FIELDS:,} names in an object")


def plain(value: Any) -> Any:
    """What was put together, without what is only of use while it is."""
    if isinstance(value, GrowingText):
        return str(value)
    if isinstance(value, dict):
        return {name: plain(it) for name, it in value.items()}
    if isinstance(value, _Entries):
        return [plain(it) for it in value]
    return list(value) if isinstance(value, list) else value


def _joined(name: str, known: str | GrowingText, value: str) -> str | GrowingText:
    if name in _ONCE:
        return value or known
    if not value:
        return known
    if name not in _GROWING and len(value) == length(known) and value == str(known):
        return known
    if not isinstance(known, GrowingText):
        return GrowingText(known, value) if known else value
    known.add(value)
    return known


def length(text: str | GrowingText) -> int:
    """Characters of a text that may grow."""
    return text.size if isinstance(text, GrowingText) else len(text)


def _parts(content: object) -> list[Any]:
    """Content as a list of parts, which is what it is where not all of it is text."""
    if isinstance(content, list):
        return content
    text = str(content) if isinstance(content, GrowingText) else content
    return [{"type": "text", "text": text}] if text else []


def _extend_parts(into: list[Any], parts: list[Any]) -> None:
    """Add parts of a content; text goes on where the last part is text, and so does thinking."""
    for part in parts:
        last = into[-1] if into else None
        if not (isinstance(last, dict) and isinstance(part, Mapping) and _goes_on(last, part)):
            if len(into) >= PARTS:
                raise PieceError(f"more than {PARTS:,} parts of a content")
            into.append(_copy(part))
            continue
        for name, value in part.items():
            known = last.get(name)
            if isinstance(value, list) and isinstance(known, list):
                _extend_parts(known, value)
            else:
                merge(last, {name: value})


def _goes_on(last: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return isinstance(kind, str) and kind in _GROWING_PARTS and last.get("type") == kind


def _copy(value: Any) -> Any:
    """The value, of which nothing is shared with the piece that it came in."""
    if isinstance(value, Mapping):
        return {name: _copy(it) for name, it in value.items()}
    return _Entries(map(_copy, value)) if isinstance(value, list) else value


def _still(value: Any) -> Any:
    """As `_copy`, of a value with which nothing goes on: its lists are plain already."""
    kind = type(value)
    if kind is dict:
        return {name: _still(it) for name, it in value.items()}
    return [_still(it) for it in value] if kind is list else value


def _extend(into: list[Any], values: list[Any]) -> None:
    """Add to a list; what has an index is a part of the entry with that index."""
    for value in values:
        if not isinstance(value, Mapping):
            into.append(_still(value))
            continue
        index = value.get("index")
        if index is None or not isinstance(into, _Entries):
            into.append(_still(value))
            continue
        entry = into.last.get(_hashed(index))
        if entry is None:
            into.put(entry := {}, index)
        merge(entry, value)
