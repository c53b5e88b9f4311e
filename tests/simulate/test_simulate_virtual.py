"""Virtual time: it jumps, keeps the order of timers, and says when nothing can happen any more."""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.errors import SimulationError
from routelab.simulate import virtual


def test_an_hour_takes_no_time():
    async def main():
        await anyio.sleep(3600)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    assert virtual.run(main()) == 3600.0
    assert time.monotonic() - started < 5


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 1e-9, 7.0]), max_size=30))
def test_sleepers_wake_in_the_order_of_their_times_and_then_of_their_calls(sleeps):
    woken = []

    async def sleeper(index, seconds):
        await asyncio.sleep(seconds)
        woken.append((asyncio.get_running_loop().time(), index))

    async def main():
        await asyncio.gather(*(sleeper(i, s) for i, s in enumerate(sleeps)))

    virtual.run(main())
    assert woken == sorted((seconds, index) for index, seconds in enumerate(sleeps))


def test_timeouts_are_of_virtual_time():
    async def main():
        with pytest.raises(TimeoutError):
            with anyio.fail_after(10):
                await anyio.sleep_forever()
        return anyio.current_time()

    assert virtual.run(main()) == 10.0


def test_standing_still_is_an_error_and_not_a_hang():
    async def main():
        await asyncio.Event().wait()

    with pytest.raises(SimulationError, match="stands still"):
        virtual.run(main())


def test_it_also_runs_where_a_loop_runs_already():
    async def outside():
        return virtual.run(asyncio.sleep(5.0, "done"))

    assert asyncio.run(outside()) == "done"
