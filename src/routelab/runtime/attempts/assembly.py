"""A chat completion put together from its pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from routelab.runtime.attempts.usage_dialects import USAGE_FIELDS, merge_usage, places_of
from routelab.runtime.wire import decode_object

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

_APART = frozenset(("index", "delta", "message", "logprobs", "usage"))
"""Fields of a choice that are no fields of the assembled one, or not as they are."""

_GROWING_PARTS = frozenset(("text", "output_text", "thinking", "reasoning"))
"""Types of parts of a content that go on from piece to piece."""


CHOICES = 128
"""Of an answer, unless more were asked for."""

TOOL_CALLS = 1_000
"""Of an answer, and entries of any other list in it that pieces go on with."""

_CHECKED = 64 << 10
"""Characters of a tool call's arguments that may be looked at to see where another call begins."""


class PieceError(ValueError):
    """A piece is no `chat.completion.chunk`, or one too many."""


class _Text:
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
        if len(self) >= TOOL_CALLS:
            raise PieceError(f"more than {TOOL_CALLS:,} entries of a list")
        self.append(entry)
        self.last[_hashed(index)] = entry


def _hashed(index: object) -> object:
    """An index as a key: an object or a list is one that no other is like."""
    return index if isinstance(index, str | int | float | None) else id(index)


class Assembly:
    """Adds up to the body that the same answer has without streaming.

    Attributes:
        pieces: with something of the answer in them, taken so far.

    Args:
        asked: how many choices were asked for.
    """

    def __init__(self, asked: int = 1) -> None:
        self.pieces = 0
        self._asked = asked
        self._body: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, piece: Mapping[str, Any]) -> bool:
        """Take the next piece; true if it holds something of the answer.

        Raises:
            PieceError: it does not have the form of a piece.
        """
        content = counts = False
        for choice in _choices(piece):
            delta = choice.get("delta") or whole_message(choice)
            content = content or any(value for name, value in delta.items() if name != "role")
            self._add_choice(choice, delta)
            counts = counts or "usage" in choice
        for name, value in piece.items():
            if value is None or name in ("choices", "object"):
                continue
            counts = counts or name in USAGE_FIELDS
            if name != "usage" and (value or name not in self._body):
                self._body[name] = value
        for usage in places_of(piece) if counts else ():
            merge_usage(self._usage, usage)
        self.pieces += content
        return content

    @property
    def finished(self) -> bool:
        """Whether every choice that was asked for said why it ended."""
        return len(self._choices) >= self._asked and self._all_ended

    @property
    def broken(self) -> bool:
        """Whether one choice said why it ended and another, which had begun, did not."""
        ended = [bool(it.get("finish_reason")) for it in self._choices.values()]
        return any(ended) and not all(ended)

    @property
    def _all_ended(self) -> bool:
        return all(choice.get("finish_reason") for choice in self._choices.values())

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """As the endpoint reported it, the latest over the earlier; None before it did."""
        return self._usage or None

    def body(self) -> dict[str, Any]:
        """What there is so far as a `chat.completion`."""
        choices = [_complete(_plain(self._choices[index])) for index in sorted(self._choices)]
        used = {"usage": self._usage} if self._usage else {}
        return {**self._body, "object": "chat.completion", **used, "choices": choices}

    def _add_choice(self, choice: Mapping[str, Any], delta: Mapping[str, Any]) -> None:
        index = choice.get("index") or 0
        if index not in self._choices and len(self._choices) >= max(CHOICES, self._asked):
            raise PieceError(f"more than {len(self._choices)} choices")
        mine = self._choices.setdefault(index, {"index": index, "message": {}})
        _merge(mine["message"], delta)
        for name, value in choice.items():
            if name == "logprobs" and isinstance(value, Mapping):
                _merge(mine.setdefault("logprobs", {}), value)
            elif name in _APART or value is None:
                continue
            elif value or name not in mine:
                mine[name] = value


def _choices(piece: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    choices = piece.get("choices") or []
    if not isinstance(choices, list):
        raise PieceError("its choices are no list")
    for choice in choices:
        if not isinstance(choice, Mapping):
            raise PieceError("a choice is no object")
        delta = choice.get("delta") or whole_message(choice)
        if not isinstance(delta, Mapping):
            raise PieceError("a delta is no object")
        if (calls := delta.get("tool_calls")) and not are_objects(calls):
            raise PieceError("its tool calls are no list of objects")
        if not isinstance(choice.get("index") or 0, int):
            raise PieceError("an index is no number")
        yield choice


def whole_message(choice: Mapping[str, Any]) -> Any:
    """What a choice without a `delta` says: some endpoints send the message as one event.

    Beside a delta it repeats what was said so far.
    """
    return {} if "delta" in choice else choice.get("message") or {}


def are_objects(values: object) -> bool:
    """Whether a value is a list of JSON objects."""
    return isinstance(values, list) and all(isinstance(it, Mapping) for it in values)


def _merge(into: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Text and lists add up, objects field by field; empty values overwrite nothing."""
    for name, value in piece.items():
        known = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif name == "content" and (isinstance(value, list) or isinstance(known, list)):
            into[name] = _parts(known)
            _extend_parts(into[name], _parts(value))
        elif isinstance(value, str) and isinstance(known, str | _Text):
            into[name] = _joined(name, known, value)
        elif isinstance(value, list):
            into[name] = known if isinstance(known, list) else _Entries()
            _extend(into[name], value, calls=name == "tool_calls")
        elif isinstance(value, Mapping):
            into[name] = known if isinstance(known, dict) else {}
            _merge(into[name], value)
        elif value == "" and known:
            continue
        else:
            into[name] = value


def _joined(name: str, known: str | _Text, value: str) -> str | _Text:
    if name in _ONCE:
        return value or known
    if not value:
        return known
    if name not in _GROWING and len(value) == _length(known) and value == str(known):
        return known
    if not isinstance(known, _Text):
        return _Text(known, value) if known else value
    known.add(value)
    return known


def _length(text: str | _Text) -> int:
    return text.size if isinstance(text, _Text) else len(text)


def _plain(value: Any) -> Any:
    """What was put together, without what is only of use while it is."""
    if isinstance(value, _Text):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(it) for name, it in value.items()}
    return [_plain(it) for it in value] if isinstance(value, list) else value


def _parts(content: object) -> list[Any]:
    """Content as a list of parts, which is what it is where not all of it is text."""
    if isinstance(content, list):
        return content
    text = str(content) if isinstance(content, _Text) else content
    return [{"type": "text", "text": text}] if text else []


def _extend_parts(into: list[Any], parts: list[Any]) -> None:
    """Add parts of a content; text goes on where the last part is text, and so does thinking."""
    for part in parts:
        last = into[-1] if into else None
        if not (isinstance(last, dict) and isinstance(part, Mapping) and _goes_on(last, part)):
            into.append(_copy(part))
            continue
        for name, value in part.items():
            known = last.get(name)
            if isinstance(value, list) and isinstance(known, list):
                _extend_parts(known, value)
            else:
                _merge(last, {name: value})


def _goes_on(last: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return isinstance(kind, str) and kind in _GROWING_PARTS and last.get("type") == kind


def _copy(value: Any) -> Any:
    """The value, of which nothing is shared with the piece that it came in."""
    if isinstance(value, Mapping):
        return {name: _copy(it) for name, it in value.items()}
    return _Entries(map(_copy, value)) if isinstance(value, list) else value


def _extend(into: list[Any], values: list[Any], *, calls: bool) -> None:
    """Add to a list; what has an index is a part of the entry with that index."""
    for value in values:
        if not isinstance(value, Mapping):
            into.append(value)
            continue
        if not isinstance(into, _Entries):
            into.append(_copy(value))
            continue
        entry = _call_of(into, value) if calls else _entry_of(into, value)
        if entry is None:
            index = value.get("index")
            if index is None and not calls:
                into.append(_copy(value))  # nothing goes on with it
                continue
            into.put(entry := {}, index)
        _merge(entry, value)


def _entry_of(entries: _Entries, value: Mapping[str, Any]) -> dict[str, Any] | None:
    index = value.get("index")
    return None if index is None else entries.last.get(_hashed(index))


def _call_of(calls: _Entries, value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The tool call that a piece goes on with; None if it begins another.

    Some endpoints number all calls of an answer 0, or do not number them: then their ids tell them
    apart, and where they have none, that a name comes after arguments.
    """
    index = value.get("index")
    last = calls.last.get(_hashed(index)) if index is not None else calls[-1] if calls else None
    if not isinstance(last, dict):
        return None
    function = value.get("function")
    if not isinstance(function, Mapping) or not (name := function.get("name")):
        return last
    if value.get("id") and last.get("id"):
        return last if value["id"] == str(last["id"]) else None
    begun = last.get("function")
    if not isinstance(begun, Mapping) or not (arguments := begun.get("arguments")):
        return last
    again = str(function.get("arguments") or "").startswith("{") and _is_object(arguments)
    return None if again or _text_of(begun.get("name")) != name else last


def _text_of(value: object) -> object:
    return str(value) if isinstance(value, _Text) else value


def _is_object(text: object) -> bool:
    if not isinstance(text, str | _Text) or _length(text) > _CHECKED:
        return False
    said = str(text).rstrip()
    return said.endswith("}") and decode_object(said.encode(errors="replace")) is not None


def _place(call: Mapping[str, Any]) -> int:
    index = call.get("index")
    return index if isinstance(index, int) else 0


def _complete(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, **choice["message"]}
    if isinstance(calls := message.get("tool_calls"), list):
        ordered = sorted(calls, key=_place)
        message["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"} for call in ordered
        ]
    return {"finish_reason": None, **choice, "message": message}
