"""An event loop whose time passes only when there is nothing left to do at this moment.

What is ready runs first; then the clock jumps to the next timer. Timers of one moment fire in the
order in which they were set, so that the same program gives the same run.

asyncio has no public way to do so. Leaned on are `_scheduled` of a loop (the heap of timers, of
which `_run_once` waits for the first) and of a timer (whether it is in there), and
`_clock_resolution`: run on Python 3.11 to 3.13, and read in the source of 3.14.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from asyncio import events
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from heapq import heappush
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack

from routelab.errors import SimulationError

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine from virtual second 0; real time is spent on computing alone.

    It must not wait for threads, sockets or signals: nobody tells a virtual clock when those
    are done.

    Raises:
        SimulationError: every task waits, and no timer is set that could wake one; or the
            asyncio of this Python keeps its timers in another way.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _alone(main)
    with ThreadPoolExecutor(1) as other:  # a notebook's thread has a loop of its own
        return other.submit(_alone, main).result()


def _alone(main: Coroutine[Any, Any, _T]) -> _T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module; `time` is the virtual second."""

    _scheduled: list[events.TimerHandle]

    def __init__(self) -> None:
        super().__init__(_NothingToRead(self._jump))
        if missing := _missing(self):
            self.close()
            raise SimulationError(
                f"asyncio of Python {sys.version_info.major}.{sys.version_info.minor} has no"
                f" {', '.join(missing)} any more, which virtual time needs: simulate with Python"
                " 3.11 to 3.14, or with a later routelab"
            )
        self._now_s = 0.0
        self._serial = count()
        self._clock_resolution = 1e-9  # a timer that is due now fires now

    def time(self) -> float:
        return self._now_s

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> events.TimerHandle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        timer = _Timer(when, callback, args, self, context)
        timer.turn = (when, next(self._serial))
        heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def _jump(self, wait_s: float | None) -> None:
        """Let time pass until the next timer."""
        if wait_s is None:
            raise SimulationError(
                "the simulation stands still: every task waits for something that no timer brings"
            )
        if wait_s > 0.0:
            self._now_s = max(self._now_s, self._scheduled[0].when())


def _missing(loop: asyncio.SelectorEventLoop) -> list[str]:
    """What asyncio no longer has of what is leaned on here."""
    needed: tuple[tuple[str, object, str], ...] = (
        ("BaseEventLoop._scheduled", loop, "_scheduled"),
        ("BaseEventLoop._clock_resolution", loop, "_clock_resolution"),
        ("TimerHandle._scheduled", events.TimerHandle, "_scheduled"),
    )
    return [name for name, owner, attribute in needed if not hasattr(owner, attribute)]


class _Timer(events.TimerHandle):
    """A timer that knows its turn: its moment, then whether it was set before others of that."""

    __slots__ = ("turn",)

    turn: tuple[float, int]

    def __lt__(self, other: object) -> bool:
        assert isinstance(other, _Timer)  # the loop makes no others
        return self.turn < other.turn


class _NothingToRead(selectors.SelectSelector):
    """Looks at no file; tells how long the loop would have waited for one."""

    def __init__(self, waited: Callable[[float | None], None]) -> None:
        super().__init__()
        self._waited = waited

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._waited(timeout)
        return []
