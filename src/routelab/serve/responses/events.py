"""The pieces of a chat completion as the events of a response that streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from routelab.runtime import encode_json
from routelab.serve.responses.output import (
    CALL,
    MESSAGE,
    THOUGHT,
    Ended,
    ItemKey,
    call_item,
    log_probabilities,
    message_item,
    text_part,
    thought_in,
    thought_item,
)
from routelab.signals import content_text

_TEXT, _REFUSAL, _THOUGHT = "output_text", "refusal", "reasoning_text"
_VALUES = {_TEXT: "text", _REFUSAL: "refusal", _THOUGHT: "text"}
"""Kinds of parts, each with the field that holds its text."""
_IDS: tuple[str, ...] = ("id", "call_id")


class Growing:
    """An item that is under way.

    Attributes:
        at: its place in the output.
        item: as it began.
        parts: texts so far by kind; of a call, its arguments.
    """

    def __init__(self, at: int, item: dict[str, Any]) -> None:
        self.at = at
        self.item = item
        self.parts: dict[str, list[str]] = {}

    @property
    def place(self) -> dict[str, Any]:
        """Where it is, as its events have it."""
        return {"item_id": self.item["id"], "output_index": self.at}


class ResponseEvents:
    """Makes events of pieces.

    Items stay open until the end, as pieces of several may come by turns.

    Args:
        name: of the response, without prefix.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._open: dict[ItemKey, Growing] = {}

    def event(self, kind: str, **fields: Any) -> bytes:
        """An event as it is on the wire."""
        told = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode_json(told))

    def take(self, piece: Mapping[str, Any]) -> Iterator[bytes]:
        """The events of a piece."""
        for choice in piece.get("choices") or ():
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            if thought := thought_in(delta):
                yield from self._say(THOUGHT, _THOUGHT, thought)
            if text := content_text(delta.get("content")):
                yield from self._say(MESSAGE, _TEXT, text, choice.get("logprobs"))
            if isinstance(refusal := delta.get("refusal"), str) and refusal:
                yield from self._say(MESSAGE, _REFUSAL, refusal)
            for call in delta.get("tool_calls") or ():
                yield from self._call(call)

    def close(self, found: Ended) -> Iterator[bytes]:
        """The events that end every item."""
        for key, item in found.items.items():
            yield from self._rest(self._key(key), item)
        for key, growing, item in self._ended(found):
            yield from self._finish(key, growing, item)

    def output(self, found: Ended) -> list[dict[str, Any]]:
        """The items in the order in which they began."""
        return [item for _, _, item in self._ended(found)]

    def partial(self) -> list[dict[str, Any]]:
        """What there was of each item when the answer broke off."""
        found = []
        for (kind, _), growing in self._open.items():
            said = {name: "".join(texts) for name, texts in growing.parts.items()}
            if kind == CALL:
                told: dict[str, Any] = {"arguments": said.get(CALL, "")}
            else:
                told = {"content": [_part(name, text) for name, text in said.items()]}
            found.append({**growing.item, **told, "status": "incomplete"})
        return found

    def _say(self, key: ItemKey, kind: str, text: str, logprobs: object = None) -> Iterator[bytes]:
        """What is said, thought or refused further."""
        growing = self._open.get(key)
        if growing is None:
            growing = self._begin(key, _begun(key, self._name))
            yield self._added(growing)
        if kind not in growing.parts:
            growing.parts[kind] = []
            at = len(growing.parts) - 1
            yield self.event(
                "response.content_part.added",
                **growing.place,
                content_index=at,
                part=_part(kind, ""),
            )
        if text:
            growing.parts[kind].append(text)
            told: dict[str, Any] = {"content_index": list(growing.parts).index(kind), "delta": text}
            if kind == _TEXT:
                told["logprobs"] = log_probabilities(logprobs)
            yield self.event(f"response.{kind}.delta", **growing.place, **told)

    def _call(self, call: Mapping[str, Any]) -> Iterator[bytes]:
        """What there is further of a call, which its number tells apart from others."""
        key = CALL, call.get("index", 0)
        growing = self._open.get(key)
        if growing is None:
            item = call_item(self._name, key[1], call, "in_progress")
            growing = self._begin(key, {**item, "arguments": ""})
            growing.parts[CALL] = []
            yield self._added(growing)
        function = call.get("function")
        said = function.get("arguments") if isinstance(function, Mapping) else None
        if isinstance(said, str) and said:
            growing.parts[CALL].append(said)
            yield self.event("response.function_call_arguments.delta", **growing.place, delta=said)

    def _rest(self, key: ItemKey, item: Mapping[str, Any]) -> Iterator[bytes]:
        """What of an item came in no piece of its own."""
        growing = self._open.get(key)
        if key[0] == CALL:
            if growing is None:
                function = {"name": item["name"], "arguments": item["arguments"]}
                call = {"index": key[1], "id": item["call_id"], "function": function}
                yield from self._call(call)
            return
        for part in item["content"]:
            kind = part["type"]
            if growing is None or kind not in growing.parts:
                told = {"content": part.get("logprobs")}
                yield from self._say(key, kind, part[_VALUES[kind]], told)

    def _finish(self, key: ItemKey, growing: Growing, item: Mapping[str, Any]) -> Iterator[bytes]:
        if key[0] == CALL:
            yield self.event(
                "response.function_call_arguments.done",
                **growing.place,
                arguments=item["arguments"],
            )
        for number, part in enumerate(item.get("content", ())):
            kind = part["type"]
            inside = {**growing.place, "content_index": number}
            told = {_VALUES[kind]: part[_VALUES[kind]]}
            if kind == _TEXT:
                told["logprobs"] = part.get("logprobs", [])
            yield self.event(f"response.{kind}.done", **inside, **told)
            yield self.event("response.content_part.done", **inside, part=part)
        yield self.event("response.output_item.done", output_index=growing.at, item=item)

    def _begin(self, key: ItemKey, item: dict[str, Any]) -> Growing:
        growing = self._open[key] = Growing(len(self._open), item)
        return growing

    def _added(self, growing: Growing) -> bytes:
        return self.event("response.output_item.added", output_index=growing.at, item=growing.item)

    def _ended(self, found: Ended) -> Iterator[tuple[ItemKey, Growing, dict[str, Any]]]:
        """The items in the order in which they began, each under the ids that it began with."""
        by_key = {self._key(key): item for key, item in found.items.items()}
        for key, growing in self._open.items():
            if (item := by_key.get(key)) is None:
                continue
            told = {it: growing.item[it] for it in _IDS if it in growing.item}
            if "content" in item:
                order = list(growing.parts)
                told["content"] = sorted(item["content"], key=lambda it: order.index(it["type"]))
            yield key, growing, {**item, **told}

    def _key(self, key: ItemKey) -> ItemKey:
        """The key that an item of the whole answer had in the pieces: calls may skip numbers."""
        kind, number = key
        numbers = sorted(it for each, it in self._open if each == CALL)
        return (kind, numbers[number]) if kind == CALL and number < len(numbers) else key


def _begun(key: ItemKey, name: str) -> dict[str, Any]:
    if key == MESSAGE:
        return message_item(name, [], "in_progress")
    return thought_item(name, None, "in_progress")


def _part(kind: str, text: str) -> dict[str, Any]:
    parts: Mapping[str, Callable[[], dict[str, Any]]] = {
        _TEXT: lambda: text_part(text, [], []),
        _REFUSAL: lambda: {"type": _REFUSAL, "refusal": text},
        _THOUGHT: lambda: {"type": _THOUGHT, "text": text},
    }
    return parts[kind]()
