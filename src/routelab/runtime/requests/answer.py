"""An answer that the caller reads as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

import anyio
import msgspec

from routelab.errors import RouteError
from routelab.runtime.attempts import whole_message
from routelab.runtime.requests.delivery import Delivery
from routelab.runtime.routed_answer import RoutedAnswer
from routelab.signals import content_text


class Piece(msgspec.Struct, frozen=True):
    """A part of an answer.

    Attributes:
        text: what it adds to the answer's text; often a token, sometimes empty.
        raw: the `chat.completion.chunk` as the endpoint sent it.
    """

    text: str
    raw: Mapping[str, Any]


class StreamedAnswer:
    """An answer piece by piece; for `async with` and then `async for`.

    Leaving the block early ends the request and closes its connection. An answer that breaks
    off raises `RouteError` from the loop; it never ends as if it were complete.

    An endpoint may tell its usage long after the answer, or never. Nobody waits for that longer
    than two seconds: the loop ends, and what the answer cost is accounted for behind it.

    Args:
        route: answers the request, and gives the pieces to the delivery.
        behind: takes a request whose answer was delivered, and whose usage is still to come.
    """

    def __init__(
        self,
        route: Callable[[Delivery], Awaitable[RoutedAnswer]],
        behind: Callable[[asyncio.Task[RoutedAnswer]], None],
    ) -> None:
        self._route = route
        self._behind = behind
        self._delivery: Delivery | None = None
        self._task: asyncio.Task[RoutedAnswer] | None = None

    @property
    def routed(self) -> RoutedAnswer:
        """The answer as a whole and how it came about, once its last piece was read.

        Raises:
            RouteError: there is more to read, there is no answer, or its usage is still to come.
        """
        if self._task is None or not self._task.done() or self._task.cancelled():
            if self._delivery is not None and self._delivery.overdue:
                raise RouteError(
                    "the answer was delivered, and what it cost is still to come: write"
                    " `await answer.settled()`"
                )
            raise RouteError("the answer is known as a whole once its last piece was read")
        return self._task.result()

    @property
    def settling(self) -> bool:
        """Whether all of the answer was delivered, and its usage is still to come."""
        if self._task is None or self._delivery is None:
            return False
        return self._delivery.whole and not self._task.done()

    async def settled(self) -> RoutedAnswer:
        """What `routed` is, waited for where the endpoint tells its usage late, or not at all.

        Raises:
            RouteError: as of `routed`.
        """
        if self.settling and self._task is not None:
            await asyncio.wait([self._task])
        return self.routed

    async def next(self) -> Piece | None:
        """The next piece; None after the last one.

        Raises:
            NoModelError, RouteError: as of `AsyncRouter.route`, or the answer broke off.
        """
        if self._task is None or self._delivery is None:
            raise RouteError("read a streamed answer inside `async with router.stream(...)`")
        self._delivery.asked()
        try:
            piece = await self._delivery.pieces.receive()
        except anyio.EndOfStream:
            if not self._delivery.overdue:
                await self._task
            return None
        except anyio.ClosedResourceError:
            return None
        self._delivery.taken()
        return Piece(_text(piece), piece)

    async def stop(self) -> None:
        """End the request if it still runs."""
        task, delivery = self._task, self._delivery
        if task is None or delivery is None:
            return
        if delivery.whole and not task.done():
            delivery.pieces.close()
            self._behind(task)
            return
        if not task.done() and not delivery.stop():
            task.cancel()
        delivery.pieces.close()
        delivery.close()  # the task may have had no time to begin
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # told by `next`, or of no interest any more

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        piece = await self.next()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def __aenter__(self) -> Self:
        self._delivery = Delivery()
        self._task = asyncio.create_task(self._run(self._delivery))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _run(self, delivery: Delivery) -> RoutedAnswer:
        try:
            return await self._route(delivery)
        finally:
            delivery.close()


def _text(piece: Mapping[str, Any]) -> str:
    said = [
        content_text((choice.get("delta") or whole_message(choice)).get("content"))
        for choice in piece.get("choices") or ()
        if not choice.get("index")
    ]
    return "".join(said)
