"""Give a connection back although whoever read the reply is cancelled at that very moment.

httpcore (1.0) does so behind a shield that anyio's cancellation respects and asyncio's does not. A
task that is cancelled while the shield waits for its turn would keep the connection's place in the
pool for ever, and when all places are lost nothing can be sent any more.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from functools import cache
from types import ModuleType
from typing import Any

import httpx


class _Closing:
    """The stream of a reply, which is closed as a whole or not at all.

    Args:
        stream: of the reply.
        left: called once when it is closed.
    """

    def __init__(self, stream: Any, left: Callable[[], None] | None = None) -> None:
        self._stream = stream
        self._left = left

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = self._stream.__aiter__()
        return chunks

    async def aclose(self) -> None:
        try:
            await unhurried(self._stream.aclose())
        finally:
            left, self._left = self._left, None
            if left is not None:
                left()


class Closing(_Closing, httpx.AsyncByteStream):
    """One of httpx."""


@cache
def closing_of(library: ModuleType) -> Callable[[Any], Any]:
    """Makes such a stream of one of a library, which takes none but its own for one."""
    made: Callable[[Any], Any] = type("Closing", (_Closing, library.AsyncByteStream), {})
    return made


@types.coroutine
def unhurried(coroutine: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    """Await a coroutine; where it only waits for its turn, a cancellation waits for its end."""
    late: asyncio.CancelledError | None = None
    thrown: BaseException | None = None
    while True:
        try:
            waits = coroutine.send(None) if thrown is None else coroutine.throw(thrown)
        except StopIteration:
            break
        except BaseException:
            if late is not None:
                break
            raise
        thrown = None
        try:
            yield waits
        except asyncio.CancelledError as cancelled:
            if waits is None:
                late = cancelled
            else:
                thrown = cancelled
        except BaseException as error:  # noqa: BLE001  (it is the coroutine's to hear)
            thrown = error
    if late is not None:
        raise late
