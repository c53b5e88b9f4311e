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

FEW = 16
"""Calls under way that cannot keep the loop for long, and go their way unasked."""

_TURN_S = 0.008
"""Of one turn of the event loop that goes to calls."""

_LEAST = 4
"""Steps of calls in one turn however long they take, and calls in it that waited to begin."""

_T = TypeVar("_T")


class Pacing:
    """The turns of one event loop, and the calls that wait for theirs."""

    __slots__ = ("_began", "_steps", "_waiting", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self._began = 0.0
        self._steps = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def over(self) -> bool:
        """Whether this turn has had its time; asked before each step of a call."""
        if self._began:
            self._steps += 1
            return self._steps > _LEAST and time.monotonic() - self._began > _TURN_S
        self._began, self._steps = time.monotonic(), 1
        asyncio.get_running_loop().call_soon(self._next)
        return False

    async def start(self) -> None:
        """Begin a call, in the order they came; it is under way until its end is told."""
        if self.under_way >= FEW and (self._waiting or self.over()):
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place
        self.under_way += 1

    def end(self) -> None:
        """A call that began is over."""
        self.under_way -= 1

    def _next(self) -> None:
        """A turn begins."""
        if not self._waiting:
            self._began = 0.0
            return
        self._began, self._steps = time.monotonic(), 0
        asyncio.get_running_loop().call_soon(self._next)  # so that it comes first in its turn
        for _ in range(_LEAST):
            while self._waiting:
                place = self._waiting.popleft()
                if not place.done():  # it was not cancelled
                    place.set_result(None)
                    break


@types.coroutine
def paced(coroutine: Coroutine[Any, Any, _T], pacing: Pacing) -> Generator[Any, Any, _T]:
    """Await a coroutine; where a turn of the loop is over, it goes on in the next one."""
    thrown: BaseException | None = None
    try:
        while pacing.over():
            yield
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
            while pacing.over():
                yield
        except BaseException as error:  # noqa: BLE001  (it is the coroutine's to hear)
            thrown = error
