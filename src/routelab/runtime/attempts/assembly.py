"""A chat completion put together from its pieces."""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from typing import Any, NamedTuple

from routelab.runtime.attempts.growing import GrowingText, PieceError, length, merge, plain
from routelab.runtime.attempts.tool_calls import ToolCalls
from routelab.runtime.attempts.usage import USAGE_FIELDS, ReportedUsage

_APART = frozenset(("index", "delta", "message", "logprobs", "usage"))
"""Fields of a choice that are no fields of the assembled one, or not as they are."""

CONTENT = (str, list, type(None))
"""What the content of a message may be; of anything else nobody could say what was answered."""

CHOICES = 128
"""Of an answer, unless more were asked for."""


class Taken(NamedTuple):
    """What became of a piece.

    Attributes:
        content: it holds something of the answer.
        piece: as a client can put it together that goes by numbers alone: choices and tool calls
            numbered apart, and nothing said twice. It is the piece itself where that is so.
    """

    content: bool
    piece: Mapping[str, Any]


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
        self._calls: dict[int, ToolCalls] = {}

    def add(self, piece: Mapping[str, Any]) -> Taken:
        """Take the next piece.

        Raises:
            PieceError: it does not have the form of a piece.
        """
        content = counts = False
        given = _choices(piece)
        passed = [self._add_choice(_numbered(at, choice)) for at, choice in enumerate(given)]
        for choice in passed:
            delta = choice["delta"]
            content = content or any(it for name, it in delta.items() if name != "role")
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
        same = all(map(is_, passed, given))
        return Taken(content, piece if same else {**piece, "choices": passed})

    @property
    def finished(self) -> bool:
        """Whether every choice that was asked for said why it ended."""
        ended = all(choice.get("finish_reason") for choice in self._choices.values())
        return len(self._choices) >= self._asked and ended

    @property
    def broken(self) -> bool:
        """Whether one choice said why it ended and another, which had begun, did not."""
        ended = [bool(it.get("finish_reason")) for it in self._choices.values()]
        return any(ended) and not all(ended)

    @property
    def missing(self) -> int:
        """How many choices that were asked for never began, where others did."""
        return max(0, self._asked - len(self._choices)) if self._choices else 0

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """As the endpoint reported it, the latest over the earlier; None before it did."""
        return self._usage.usage or None

    def body(self) -> dict[str, Any]:
        """What there is so far as a `chat.completion`."""
        choices = [self._complete(index) for index in sorted(self._choices)]
        used = {"usage": usage} if (usage := self.usage) else {}
        return {**self._body, "object": "chat.completion", **used, "choices": choices}

    def _add_choice(self, choice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take a choice of a piece; the same, as a client reads it."""
        index = choice["index"]
        if index not in self._choices and len(self._choices) >= max(CHOICES, self._asked):
            raise PieceError(f"more than {len(self._choices)} choices")
        mine = self._choices.setdefault(index, {"index": index, "message": {}})
        if "delta" not in choice:
            told = {name: it for name, it in choice.items() if name != "message"}
            choice = {**told, "delta": self._unsaid(index, whole_message(choice))}
        elif not isinstance(choice["delta"], Mapping):  # as good as none
            choice = {**choice, "delta": {}}
        delta = choice["delta"]
        if calls := delta.get("tool_calls"):
            numbered = self._add_calls(index, calls)
            if numbered is not calls:
                choice = {**choice, "delta": {**delta, "tool_calls": numbered}}
            delta = {name: it for name, it in delta.items() if name != "tool_calls"}
        merge(mine["message"], delta)
        for name, value in choice.items():
            if name == "logprobs" and isinstance(value, Mapping):
                merge(mine.setdefault("logprobs", {}), value)
            elif name in _APART or value is None:
                continue
            elif value or name not in mine:
                mine[name] = value
        return choice

    def _add_calls(self, index: int, calls: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Take tool calls of a piece; the same, numbered apart and without repetitions."""
        mine = self._calls.setdefault(index, ToolCalls())
        told: list[Mapping[str, Any]] = []
        for call in calls:
            if (number := mine.add(call)) is not None:
                same = call.get("index") == number and not isinstance(call["index"], bool)
                told.append(call if same else {**call, "index": number})
        return calls if len(told) == len(calls) and all(map(is_, told, calls)) else told

    def _unsaid(self, index: int, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of a whole message was not said yet: some endpoints end with it, or send no other.

        Text that begins as what was said goes on with it; all else that is known is repeated.
        """
        known = self._choices[index]["message"]
        told = dict(message)
        if index in self._calls:
            told.pop("tool_calls", None)
        for name, value in message.items():
            said = known.get(name)
            if isinstance(value, str) and isinstance(said, str | GrowingText):
                # Shorter text repeats nothing: what was said is not put together to see that.
                if len(value) >= length(said) and value.startswith(str(said)):
                    told[name] = value[length(said) :]
            elif said and value == plain(said):
                del told[name]
        return told

    def _complete(self, index: int) -> dict[str, Any]:
        choice = plain(self._choices[index])
        message = {"role": "assistant", "content": None, **choice["message"]}
        if index in self._calls:
            message["tool_calls"] = list(self._calls[index])
        return {"finish_reason": None, **choice, "message": message}


def _choices(piece: Mapping[str, Any]) -> list[Mapping[str, Any]]:
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
        if not isinstance(delta.get("content"), CONTENT):
            raise PieceError("its content is neither text nor a list of parts")
        if (index := choice.get("index")) and type(index) is not int:
            raise PieceError("an index is no number")
    return choices


def _numbered(at: int, choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """A choice with its number; where endpoints leave it out, that of its place."""
    return choice if type(choice.get("index")) is int else {**choice, "index": at}


def whole_message(choice: Mapping[str, Any]) -> Any:
    """What a choice without a `delta` says: some endpoints send the message as one event.

    Beside a delta it repeats what was said so far.
    """
    return {} if "delta" in choice else choice.get("message") or {}


def are_objects(values: object) -> bool:
    """Whether a value is a list of JSON objects."""
    return isinstance(values, list) and all(isinstance(it, Mapping) for it in values)
