"""Run functions that may hang, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """Room for so many calls at once; one that hangs keeps its room until it returns.

    Threads of a pool would hold up the end of the program, and a pool forgets those it gave up.

    Args:
        most: calls that run at once, given-up ones included; more wait.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._room = asyncio.Semaphore(most)

    @property
    def full(self) -> bool:
        """One more call would have to wait."""
        return self._room.locked()

    async def run(self, function: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
        """What the function gives; a caller who is cancelled leaves it to itself.

        Raises:
            Exception: what it raises.
            RuntimeError: it raises what would end the event loop, or no thread can be started.
        """
        await self._room.acquire()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_T] = loop.create_future()
        context = contextvars.copy_context()

        def tell(found: Any, error: BaseException | None) -> None:
            self._room.release()
            if done.done():
                return
            if error is None:
                done.set_result(found)
            elif isinstance(error, Exception) and not isinstance(error, StopIteration):
                done.set_exception(error)
            else:
                done.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))

        def work() -> None:
            found, failed = None, None
            try:
                found = context.run(function, *args, **named)
            except BaseException as error:  # noqa: BLE001  (whoever waits is told)
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell, found, failed)

        try:
            threading.Thread(target=work, name="routelab-function", daemon=True).start()
        except RuntimeError:
            self._room.release()
            raise
        return await done
