"""Let the event loop breathe when many calls begin, or are answered, at the same moment.

asyncio runs all that is ready before it looks at anything else: 2,000 calls that begin at once, or
as many replies that come at once, keep it from timers and other sockets for a second. So a turn of
the loop is given to calls for a few milliseconds only, and what is left goes to the next one.
"""

from __future__ import annotations

import asyncio
import time
import types
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from routelab.runtime.upstream import Progress

FEW = 16
"""Calls under way that cannot keep the loop for long, and go their way unasked."""

_TURN_S = 0.008
"""Of one turn of the event loop that goes to calls."""

_LEAST = 4
"""Steps of calls in one turn, however long they take."""

_GOING_ON, _STARTING = 8, 8
"""Calls that waited for a turn, to go on or to begin, and that one turn takes."""

_LOST_S = 1.0
"""No turn lasts as long: its loop was closed, and another one runs."""

_T = TypeVar("_T")


class Pacing:
    """The turns of one event loop, and the calls that wait for theirs.

    Attributes:
        under_way: calls that began and are not over; whoever makes them counts.
    """

    __slots__ = ("_began", "_going_on", "_starting", "_steps", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self._began = 0.0
        self._steps = 0
        self._going_on: deque[asyncio.Future[None]] = deque()
        self._starting: deque[asyncio.Future[None]] = deque()

    def over(self) -> bool:
        """Whether this turn has had its time; asked before each step of a call."""
        if self._began:
            self._steps += 1
            if self._steps <= _LEAST and not self._going_on:
                return False
            spent_s = time.monotonic() - self._began
            if spent_s < _LOST_S:
                return spent_s > _TURN_S or bool(self._going_on)
        self._turn(1)
        return False

    def place(self) -> asyncio.Future[None]:
        """Done when a call that is under way may go on; for one whose turn is over."""
        return _place(self._going_on)

    async def start(self) -> None:
        """Wait until a call may begin, in the order they came."""
        if self._starting or self.over():
            await _place(self._starting)

    def _turn(self, steps: int) -> None:
        self._began, self._steps = time.monotonic(), steps
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """The turn after it begins."""
        if not self._going_on and not self._starting:
            self._began = 0.0
            return
        self._turn(0)  # before any call, so that it comes first in the next turn
        _let(self._going_on, _GOING_ON)
        _let(self._starting, _STARTING)


def _place(places: deque[asyncio.Future[None]]) -> asyncio.Future[None]:
    place = asyncio.get_running_loop().create_future()
    places.append(place)
    return place


def _let(places: deque[asyncio.Future[None]], most: int) -> None:
    """Let so many go, besides those that were cancelled."""
    while places and most:
        place = places.popleft()
        if not place.done():
            place.set_result(None)
            most -= 1


@types.coroutine
def paced(
    coroutine: Coroutine[Any, Any, _T], pacing: Pacing, progress: Progress
) -> Generator[Any, Any, _T]:
    """Await a coroutine; where a turn of the loop is over, it goes on in a later one.

    Args:
        progress: told while the coroutine waits to begin, which is no fault of whom it asks.
    """
    thrown: BaseException | None = None
    try:
        if pacing.over():
            progress.waits = True
            yield from pacing.place()
            progress.waits = False
    except BaseException:
        coroutine.close()
        raise
    while True:
        try:
            waits = coroutine.send(None) if thrown is None else coroutine.throw(thrown)
        except StopIteration as end:
            result: _T = end.value
            return result
        thrown = None
        try:
            yield waits
            if pacing.over():
                yield from pacing.place()
        except BaseException as error:  # noqa: BLE001  (it is the coroutine's to hear)
            thrown = error
