"""The tool calls of one answer, told apart where numbers collide and ids are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from routelab.runtime.attempts.growing import ENTRIES, GrowingText, PieceError, length, merge, plain
from routelab.runtime.wire import decode_object

_CHECKED = 64 << 10
"""Characters of a call's arguments that may be looked at to see whether it has ended."""

_SAID = (("function", "name", "arguments"), ("custom", "name", "input"))


class ToolCalls:
    """Tool calls that grow piece by piece, each under a number of its own.

    Endpoints number all calls of an answer 0, or do not number them, send ids only with the first
    piece of a call or make up new ones for each, and some say the whole call once more at its
    end. So a piece is looked at beside the calls of its number, and of these beside the one of its
    id, else the last. One whose arguments are a whole object has ended, and what is named again
    begins another.
    """

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._numbers: list[int] = []
        self._taken: set[int] = set()
        self._last: dict[int | None, int] = {}
        self._by_id: dict[tuple[int | None, str], int] = {}

    def add(self, piece: Mapping[str, Any]) -> int | None:
        """Take an entry of `delta.tool_calls`.

        Returns:
            The number of its call; None if it only says once more what is known.

        Raises:
            PieceError: there are more calls than any answer has.
        """
        given = _number(piece)
        at, repeated = self._place(given, piece)
        if repeated:
            return None
        if at is None:
            at = self._begin(given)
        for under in {given, None}:
            self._last[under] = at
            if id_ := _id(piece):
                self._by_id[under, id_] = at
        merge(self._calls[at], piece)
        return self._numbers[at]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The calls by their numbers, which they do not have any more."""
        for _, call in sorted(zip(self._numbers, self._calls, strict=True), key=lambda it: it[0]):
            yield {name: value for name, value in plain(call).items() if name != "index"}

    def _begin(self, given: int | None) -> int:
        if len(self._calls) >= ENTRIES:
            raise PieceError(f"more than {ENTRIES:,} tool calls")
        free = given is not None and given not in self._taken
        number = given if free and given is not None else max(self._taken, default=-1) + 1
        self._taken.add(number)
        self._numbers.append(number)
        self._calls.append({})
        return len(self._calls) - 1

    def _place(self, given: int | None, piece: Mapping[str, Any]) -> tuple[int | None, bool]:
        """The call that a piece goes on with, if there is one; and whether it only repeats it."""
        last = self._last.get(given)
        if last is None:
            return None, False
        name, arguments = _said(piece)
        if id_ := _id(piece):
            if (same := self._by_id.get((given, id_))) is not None:
                return _of_its_id(self._calls[same], same, str(name), str(arguments))
            if _id(self._calls[last]):
                # Ids may be made up anew for each piece: then arguments go on, without a name.
                goes_on = not length(name) and length(arguments)
                goes_on = goes_on and not _whole(_said(self._calls[last])[1])
                return (last, False) if goes_on else (None, False)
        if not length(name):
            return last, False
        return (last if _is_same(self._calls[last], str(name)) else None), False


def _of_its_id(
    call: Mapping[str, Any], at: int, name: str, arguments: str
) -> tuple[int | None, bool]:
    known_name, known = _said(call)
    renamed = bool(name) and name != str(known_name)
    alike = not renamed and bool(arguments) and len(arguments) == length(known)
    if alike and _whole(known) and arguments == str(known):
        return at, True
    if not name or not length(known):
        return at, False
    return (None if renamed or (arguments and _whole(known)) else at), False


def _is_same(call: Mapping[str, Any], name: str) -> bool:
    """Whether a piece with this name, and without an id of its own, goes on with a call."""
    known_name, known = _said(call)
    if not length(known_name):
        return True
    same = name == str(known_name)
    if length(known):
        return same and not _whole(known)
    # A name may grow; of calls without ids it is another call, without arguments.
    return same or bool(_id(call))


def _number(piece: Mapping[str, Any]) -> int | None:
    """The number that an endpoint gives a call; None without one, or of what is none."""
    index = piece.get("index")
    if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) < 10:
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _said(call: Mapping[str, Any]) -> tuple[str | GrowingText, str | GrowingText]:
    """The name of a call and its arguments, empty without them."""
    for kind, name, arguments in _SAID:
        if isinstance(said := call.get(kind), Mapping):
            return _text(said.get(name)), _text(said.get(arguments))
    return "", ""


def _text(value: object) -> str | GrowingText:
    return value if isinstance(value, str | GrowingText) else ""


def _id(call: Mapping[str, Any]) -> str:
    id_ = call.get("id")
    return str(id_) if isinstance(id_, str | GrowingText) else ""


def _whole(arguments: str | GrowingText) -> bool:
    """Whether arguments are all there: an object of JSON."""
    if isinstance(arguments, GrowingText):
        if length(arguments) > _CHECKED or not arguments.ends_with("}"):
            return False
        arguments = str(arguments)
    elif len(arguments) > _CHECKED or not arguments.rstrip().endswith("}"):
        return False
    return decode_object(arguments.encode(errors="replace")) is not None
