"""What gives a connection back is done as a whole, also in a task that is cancelled meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from routelab.runtime.transport.closing import unhurried


class Closed:
    """Waits for its turn so often, then for a future if there is one, and may fail at the end."""

    def __init__(self, turns=3, future=None, error=None):
        self.turns = turns
        self.future = future
        self.error = error
        self.done = False

    async def aclose(self):
        for _ in range(self.turns):
            await asyncio.sleep(0)
        if self.future is not None:
            await self.future
        self.done = True
        if self.error is not None:
            raise self.error


async def cancelled_at(step, closed):
    task = asyncio.create_task(unhurried_in_a_task(closed))
    for _ in range(step):
        await asyncio.sleep(0)
    asked = task.cancel()
    (found,) = await asyncio.gather(task, return_exceptions=True)
    return asked, found


async def unhurried_in_a_task(closed):
    await unhurried(closed.aclose())
    return "closed"


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_cancellation_waits_for_the_end_and_is_not_lost(step):
    closed = Closed()
    asked, found = asyncio.run(cancelled_at(step, closed))
    assert asked
    assert closed.done
    assert isinstance(found, asyncio.CancelledError)


def test_a_cancellation_goes_before_what_closing_says():
    closed = Closed(error=OSError("gone already"))
    _, found = asyncio.run(cancelled_at(2, closed))
    assert closed.done
    assert isinstance(found, asyncio.CancelledError)


def test_what_waits_for_others_is_cancelled_as_ever():
    async def run():
        closed = Closed(future=asyncio.get_running_loop().create_future())
        return closed, await asyncio.wait_for(cancelled_at(9, closed), 10)

    closed, (asked, found) = asyncio.run(run())
    assert asked
    assert not closed.done
    assert isinstance(found, asyncio.CancelledError)


def test_without_a_cancellation_it_is_as_if_awaited():
    closed = Closed()
    assert asyncio.run(unhurried_in_a_task(closed)) == "closed"
    with pytest.raises(OSError, match="gone"):
        asyncio.run(unhurried_in_a_task(Closed(error=OSError("gone"))))


def test_a_time_limit_that_comes_meanwhile_is_told_as_one():
    async def run():
        closed = Closed(turns=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await unhurried(closed.aclose())
        return closed.done

    assert asyncio.run(run())
