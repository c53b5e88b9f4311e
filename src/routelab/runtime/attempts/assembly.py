"""A chat completion put together from its pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from routelab.runtime.attempts.usage_dialects import USAGE_FIELDS, merge_usage, places_of

_ONCE = ("role", "type", "id", "object")
"""Text that some endpoints repeat in every piece; it does not add up."""


class PieceError(ValueError):
    """A piece is no `chat.completion.chunk`."""


class Assembly:
    """Adds up to the body that the same answer has without streaming.

    Attributes:
        pieces: with something of the answer in them, taken so far.
    """

    def __init__(self) -> None:
        self.pieces = 0
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
            delta = choice.get("delta") or {}
            content = content or any(value for name, value in delta.items() if name != "role")
            self._add_choice(choice, delta)
            counts = counts or "usage" in choice
        for name, value in piece.items():
            if value is None or name in ("choices", "object"):
                continue
            counts = counts or name in USAGE_FIELDS
            if name != "usage":
                self._body[name] = value
        for usage in places_of(piece) if counts else ():
            merge_usage(self._usage, usage)
        self.pieces += content
        return content

    @property
    def finished(self) -> bool:
        """Whether every choice said why it ended."""
        return bool(self._choices) and all(
            choice.get("finish_reason") for choice in self._choices.values()
        )

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """As the endpoint reported it, the latest over the earlier; None before it did."""
        return self._usage or None

    def body(self) -> dict[str, Any]:
        """What there is so far as a `chat.completion`."""
        choices = [_complete(self._choices[index]) for index in sorted(self._choices)]
        used = {"usage": self._usage} if self._usage else {}
        return {**self._body, "object": "chat.completion", **used, "choices": choices}

    def _add_choice(self, choice: Mapping[str, Any], delta: Mapping[str, Any]) -> None:
        index = choice.get("index") or 0
        mine = self._choices.setdefault(index, {"index": index, "message": {}})
        _merge(mine["message"], delta)
        for name, value in choice.items():
            if name == "logprobs" and isinstance(value, Mapping):
                _merge(mine.setdefault("logprobs", {}), value)
            elif name not in ("index", "delta", "logprobs") and value is not None:
                mine[name] = value


def _choices(piece: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    choices = piece.get("choices") or []
    if not isinstance(choices, list):
        raise PieceError("its choices are no list")
    for choice in choices:
        if not isinstance(choice, Mapping):
            raise PieceError("a choice is no object")
        if not isinstance(choice.get("delta") or {}, Mapping):
            raise PieceError("a delta is no object")
        if not isinstance(choice.get("index") or 0, int):
            raise PieceError("an index is no number")
        yield choice


def _merge(into: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Text and lists add up, objects field by field; anything else replaces what was there."""
    for name, value in piece.items():
        known = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif isinstance(value, str) and isinstance(known, str) and name not in _ONCE:
            repeated = name == "name" and value == known
            into[name] = known if repeated else known + value
        elif isinstance(value, list):
            into[name] = known if isinstance(known, list) else []
            _extend(into[name], value)
        elif isinstance(value, Mapping):
            into[name] = known if isinstance(known, dict) else {}
            _merge(into[name], value)
        else:
            into[name] = value or known if name in _ONCE else value


def _extend(into: list[Any], values: list[Any]) -> None:
    """Add to a list; what has an index is a part of the entry with that index."""
    for value in values:
        index = value.get("index") if isinstance(value, Mapping) else None
        if index is None:
            into.append(value)
            continue
        entry = next((it for it in into if isinstance(it, dict) and it.get("index") == index), None)
        if entry is None:
            into.append(entry := {})
        _merge(entry, value)


def _complete(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, **choice["message"]}
    if isinstance(calls := message.get("tool_calls"), list):
        ordered = sorted(calls, key=lambda call: call.get("index") or 0)
        message["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"} for call in ordered
        ]
    return {"finish_reason": None, **choice, "message": message}
