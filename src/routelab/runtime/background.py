"""An event loop on a thread of its own, for callers that have none or cannot wait in theirs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class BackgroundLoop:
    """Runs coroutines for any thread; the first one starts the loop's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def started(self) -> bool:
        return self._thread is not None

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """The coroutine's result; interrupting the wait cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._running())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what still runs, and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None and self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)
                thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # a fork has no threads
                self._loop, failures = None, list[BaseException]()
                ready = threading.Event()
                self._thread = threading.Thread(
                    target=self._work, args=(ready, failures), name="routelab-router", daemon=True
                )
                self._thread.start()
                ready.wait()
                if failures:
                    self._thread = None
                    raise failures[0]
        assert self._loop is not None  # set before ready
        return self._loop

    def _work(self, ready: threading.Event, failures: list[BaseException]) -> None:
        try:
            asyncio.run(self._until_closed(ready))
        except BaseException as error:
            if ready.is_set():
                raise
            failures.append(error)  # for the thread that waits for the loop
        finally:
            ready.set()

    async def _until_closed(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await self._stop.wait()
