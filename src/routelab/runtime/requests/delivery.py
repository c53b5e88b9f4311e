"""The pieces of one answer on their way to the caller."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio

from routelab.core import Context, Decision, Feedback
from routelab.errors import PolicyError, RouteError
from routelab.runtime.attempts import single_chunk

_AHEAD = 64
"""Pieces that wait for a caller who is slow to take them, before the endpoint has to wait."""

PATIENCE_S = 2.0
"""That a caller waits, once an answer is whole, for what may still come of its usage."""


class Delivery:
    """A `Sink` that hands pieces to whoever reads `pieces`.

    Attributes:
        pieces: in the order they were delivered; ends with the answer.
        stopped: nobody reads them any more.
        whole: all of the answer was delivered; what may still come is its usage.
        overdue: so it is, and the caller has waited for the usage long enough.
    """

    def __init__(self) -> None:
        self._send, self.pieces = anyio.create_memory_object_stream[Mapping[str, Any]](_AHEAD)
        self.stopped = self.whole = self.overdue = False
        self._taken_s, self._taken_at = 0.0, math.nan  # since when, unless they wait for a piece
        self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._streamed: Feedback | None = None
        self._stop_try: Callable[[], None] | None = None

    async def __call__(self, piece: Mapping[str, Any]) -> None:
        self._begun = True
        try:
            await self._send.send(piece)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.stopped = not self.whole

    def asked(self) -> None:
        """The caller asks for a piece."""
        self._taken_s, self._taken_at = self.taken_s, math.nan

    def taken(self) -> None:
        """The caller has a piece."""
        self._taken_at = _now()

    @property
    def taken_s(self) -> float:
        """Seconds that the caller has spent on pieces so far."""
        since = self._taken_at
        return self._taken_s if since != since else self._taken_s + _now() - since

    def complete(self) -> None:
        """The answer is whole, and whoever reads it has no more to wait for."""
        if not self.whole:
            self.whole = True
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._end)

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        self._stop_try = stop
        try:
            yield
        finally:
            self._stop_try = None

    def stop(self) -> bool:
        """Take no more; true if there was a streaming attempt, then ended in good order."""
        self.stopped = True
        self.pieces.close()
        if self._stop_try is not None:
            self._stop_try()
            return True
        return False

    def check(self, x: Context) -> None:
        """After each call: whether the request may go on.

        Raises:
            CancelledError: the caller stopped it.
            RouteError: the answer broke off after a part of it was delivered.
        """
        if self.stopped:
            raise asyncio.CancelledError
        if not self._begun or self._streamed is not None:
            return
        last = x.steps[-1].feedback
        if last.error is not None:
            head = (
                f"request {x.request.id!r}: the answer of {last.model!r} broke off after a part"
                " of it was delivered, so that no other model can give it"
            )
            raise RouteError(
                head,
                f"  {last.error if last.told is None else last.told}",
                detail=f"{head}\n  {last.error}",
                cost_usd=x.spent_usd,
                steps=tuple(x.steps),
            )
        self._streamed = last

    async def finish(self, decision: Decision) -> None:
        """Deliver the answer unless that is done.

        Raises:
            PolicyError: a call that was said to be final was overruled.
        """
        if not self._begun:
            await self(single_chunk(decision.answer.raw or {}))
        elif decision.answer is not self._streamed:
            raise PolicyError(
                f"request {decision.request_id!r}: the policy delivers an answer of"
                f" {decision.answer.model!r} after a final call was streamed"
            )

    def close(self) -> None:
        """No more pieces come, or are taken."""
        if self._timer is not None:
            self._timer.cancel()
        self._send.close()

    def _end(self) -> None:
        self.overdue = True
        self._send.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
