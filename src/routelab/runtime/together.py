"""Calls made at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeAlias

from routelab.core.flow import cancelled
from routelab.core.protocol import Call, Feedback, Together
from routelab.runtime.caller import Caller, Sending

Asking: TypeAlias = Coroutine[Any, Any, Feedback]


async def ask_together(
    caller: Caller, together: Together, sending: Sending
) -> tuple[Feedback, ...]:
    """Feedback of every call, in the order of the calls."""
    asking = [caller.call(call, sending) for call in together.calls]
    if len(asking) == 1:
        return (await asking[0],)
    if together.until == "all":
        return tuple(await asyncio.gather(*asking))
    return await _until_first(together.calls, asking)


async def _until_first(calls: tuple[Call, ...], asking: list[Asking]) -> tuple[Feedback, ...]:
    """The first answer stops the other calls, which are then reported as cancelled."""
    tasks = [asyncio.ensure_future(one) for one in asking]
    waiting = set(tasks)
    try:
        while waiting and not any(_answered(task) for task in tasks):
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return tuple(
        cancelled(call) if task.cancelled() else task.result()
        for call, task in zip(calls, tasks, strict=True)
    )


def _answered(task: asyncio.Future[Feedback]) -> bool:
    return task.done() and task.result().error is None
