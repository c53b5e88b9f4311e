"""Calls made at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio
import msgspec

from routelab.core import Call, Feedback, Together
from routelab.runtime.calls.answers import Calls
from routelab.runtime.calls.caller import Sending
from routelab.runtime.engine import SampleAttempt


class _Asking:
    """A call under way, and the attempts it has made so far."""

    def __init__(self, caller: Calls, call: Call, sending: Sending) -> None:
        self._caller = caller
        self._call = call
        self._attempts: list[SampleAttempt] = []
        self.task = asyncio.ensure_future(caller.call(call, sending, self._attempts))

    @property
    def answered(self) -> bool:
        return self.task.done() and self.task.result().accepted

    def feedback(self) -> Feedback:
        """What came back, or what is known of it so far if it was cancelled."""
        if not self.task.done() or self.task.cancelled():
            return self._caller.cancelled(self._call, self._attempts)
        return self.task.result()


async def ask_together(
    caller: Calls,
    together: Together,
    sending: Sending,
    lost: Callable[[tuple[Feedback, ...]], None],
) -> tuple[Feedback, ...]:
    """Feedback of concurrent calls, in the order of the calls.

    Args:
        caller: answers each.
        together: the calls, and when to stop waiting.
        sending: the request, and what goes to every model with it.
        lost: called with what is known of the calls when the request is cancelled.
    """
    if len(together.calls) == 1:
        call, attempts = together.calls[0], list[SampleAttempt]()
        try:
            return (await caller.call(call, sending, attempts),)
        except asyncio.CancelledError:
            lost((caller.cancelled(call, attempts),))
            raise
    apart = msgspec.structs.replace(sending, sink=None)  # two answers cannot share a stream
    asking = [_Asking(caller, call, apart) for call in together.calls]
    waiting = {one.task for one in asking}
    try:
        try:
            while waiting and not (together.until == "first" and any(it.answered for it in asking)):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _stopped(waiting)
    except asyncio.CancelledError:  # also one that comes while the needless ones are stopped
        lost(tuple(one.feedback() for one in asking))
        raise
    return tuple(one.feedback() for one in asking)


async def _stopped(tasks: set[asyncio.Task[Feedback]]) -> None:
    """Cancel the tasks and see them end; a scope of anyio, which cancels over and over, waits."""
    for task in tasks:
        task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*tasks, return_exceptions=True)
