"""A chat completion put together from its pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from routelab.runtime.attempts.usage_dialects import USAGE_FIELDS, ReportedUsage
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


class PieceError(ValueError):
    """A piece is no `chat.completion.chunk`."""


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
        self._usage = ReportedUsage()
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
            counts = counts or "usage" in choice or "usage" in delta
        for name, value in piece.items():
            if value is None or name in ("choices", "object"):
                continue
            counts = counts or name in USAGE_FIELDS
            if name != "usage" and (value or name not in self._body):
                self._body[name] = value
        if counts:
            self._usage.take(piece)
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
        return self._usage.usage or None

    def body(self) -> dict[str, Any]:
        """What there is so far as a `chat.completion`."""
        choices = [_complete(self._choices[index]) for index in sorted(self._choices)]
        used = {"usage": usage} if (usage := self.usage) else {}
        return {**self._body, "object": "chat.completion", **used, "choices": choices}

    def _add_choice(self, choice: Mapping[str, Any], delta: Mapping[str, Any]) -> None:
        index = choice.get("index") or 0
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
        elif isinstance(value, str) and isinstance(known, str):
            into[name] = _joined(name, known, value)
        elif isinstance(value, list):
            into[name] = known if isinstance(known, list) else []
            _extend(into[name], value, calls=name == "tool_calls")
        elif isinstance(value, Mapping):
            into[name] = known if isinstance(known, dict) else {}
            _merge(into[name], value)
        elif value == "" and known:
            continue
        else:
            into[name] = value


def _joined(name: str, known: str, value: str) -> str:
    if name in _GROWING:
        return known + value
    if name in _ONCE:
        return value or known
    return known if value == known else known + value


def _parts(content: object) -> list[Any]:
    """Content as a list of parts, which is what it is where not all of it is text."""
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


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
    return [_copy(it) for it in value] if isinstance(value, list) else value


def _extend(into: list[Any], values: list[Any], *, calls: bool) -> None:
    """Add to a list; what has an index is a part of the entry with that index."""
    for value in values:
        if not isinstance(value, Mapping):
            into.append(value)
            continue
        entry = _call_of(into, value) if calls else _entry_of(into, value)
        if entry is None:
            into.append(entry := {})
        _merge(entry, value)


def _entry_of(entries: list[Any], value: Mapping[str, Any]) -> dict[str, Any] | None:
    index = value.get("index")
    if index is None:
        return None
    return next((it for it in entries if isinstance(it, dict) and it.get("index") == index), None)


def _call_of(calls: list[Any], value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The tool call that a piece goes on with; None if it begins another.

    Some endpoints number all calls of an answer 0, or do not number them: then their ids tell them
    apart, and where they have none, that a name comes after arguments.
    """
    index = value.get("index")
    there = [
        it for it in calls if isinstance(it, dict) and (index is None or it.get("index") == index)
    ]
    if not there:
        return None
    last: dict[str, Any] = there[-1]
    function = value.get("function")
    if not isinstance(function, Mapping) or not (name := function.get("name")):
        return last
    if value.get("id") and last.get("id"):
        return last if value["id"] == last["id"] else None
    begun = last.get("function")
    if not isinstance(begun, Mapping) or not (arguments := begun.get("arguments")):
        return last
    again = str(function.get("arguments") or "").startswith("{") and _is_object(arguments)
    return None if again or begun.get("name") != name else last


def _is_object(text: object) -> bool:
    return isinstance(text, str) and decode_object(text.encode(errors="replace")) is not None


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
