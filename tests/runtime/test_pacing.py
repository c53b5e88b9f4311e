"""Many calls at the same moment: none of them keeps the event loop for itself."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from runtime_world import catalogue, completion, model, policy_file

from routelab.core.catalogue import Deployment
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.runtime.pacing import FEW, Pacing, paced
from routelab.runtime.upstream import Progress

CALLS = 120


class Turns:
    """Counts turns of the loop, and how much of something one of them had at most."""

    def __init__(self):
        self.most = self._now = 0
        self.count = 0

    def one_more(self):
        self._now += 1
        self.most = max(self.most, self._now)

    async def watch(self):
        while True:
            self._now = 0
            self.count += 1
            await asyncio.sleep(0)


class Busy(httpx.AsyncBaseTransport):
    """Computes for a while before it waits for its reply, and again when that comes."""

    def __init__(self, turns):
        self.turns = turns

    async def handle_async_request(self, request):
        for _ in range(2):
            self.turns.one_more()
            end = time.perf_counter() + 0.001
            while time.perf_counter() < end:
                pass
            await asyncio.sleep(0.02)
        return httpx.Response(200, json=completion("yes"))


def router(tmp_path, transport):
    small = model(Deployment("http://north.test/v1", "m"))
    world = catalogue(small=small)
    return AsyncRouter(
        policy_file(tmp_path, Fixed("small"), world), world, RouterConfig(transport=transport)
    )


@pytest.mark.parametrize("streamed", [False, True])
def test_a_turn_of_the_loop_has_few_steps_of_calls(tmp_path, streamed):
    async def one(asked):
        if not streamed:
            return (await asked.route("a question")).answer
        async with asked.stream("a question") as answer:
            async for _ in answer:
                pass
            return answer.routed.answer

    async def run():
        turns = Turns()
        async with router(tmp_path, Busy(turns)) as asked:
            watching = asyncio.create_task(turns.watch())
            got = await asyncio.gather(*(one(asked) for _ in range(CALLS)))
            watching.cancel()
        assert got == ["yes"] * CALLS
        # those that began while there were few, and what one turn takes
        assert turns.most <= 2 * FEW + 16
        assert turns.count >= 2 * CALLS / turns.most

    asyncio.run(asyncio.wait_for(run(), 30.0))


def test_calls_begin_in_the_order_they_came_and_those_that_left_keep_nobody(tmp_path):
    async def run():
        pacing, begun = Pacing(), []

        async def one(number):
            time.sleep(0.003)
            await pacing.start()
            begun.append(number)

        tasks = [asyncio.create_task(one(number)) for number in range(60)]
        await asyncio.sleep(0)
        assert len(begun) < 10  # the others wait
        gone = [number for number in range(60) if number % 3 == 1 and number not in begun]
        for number in gone:
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert begun == [number for number in range(60) if number not in gone]

    asyncio.run(asyncio.wait_for(run(), 10.0))


def test_a_call_that_is_cancelled_while_it_waits_hears_of_it():
    async def run():
        pacing, heard = Pacing(), []

        async def inner(wait_s):
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                heard.append(wait_s)
                raise

        async def hog():
            time.sleep(0.02)

        first = asyncio.create_task(paced(inner(0.0), pacing, Progress()))
        tasks = [asyncio.create_task(paced(hog(), pacing, Progress())) for _ in range(20)]
        told = Progress()
        never = asyncio.create_task(paced(inner(1.0), pacing, told))  # waits for its first step
        await asyncio.sleep(0)
        assert not never.done()
        assert told.waits
        first.cancel()
        never.cancel()
        done = await asyncio.gather(first, never, *tasks, return_exceptions=True)
        assert [type(it) for it in done[:2]] == [asyncio.CancelledError] * 2
        assert done[2:] == [None] * 20
        assert heard == [0.0]  # the other one never began

    asyncio.run(asyncio.wait_for(run(), 10.0))


def test_what_a_coroutine_gives_and_raises_comes_through():
    async def run():
        pacing = Pacing()

        async def gives():
            await asyncio.sleep(0)
            return 7

        async def raises():
            await asyncio.sleep(0)
            raise KeyError("no")

        assert await paced(gives(), pacing, Progress()) == 7
        with pytest.raises(KeyError, match="no"):
            await paced(raises(), pacing, Progress())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await paced(asyncio.sleep(5.0), pacing, Progress())

    asyncio.run(asyncio.wait_for(run(), 10.0))


def test_a_loop_that_was_closed_in_the_middle_of_a_turn_holds_up_no_other():
    pacing = Pacing()

    async def cut_short():
        pacing.over()
        asyncio.get_running_loop().stop()

    loop = asyncio.new_event_loop()
    task = loop.create_task(cut_short())
    loop.run_forever()
    assert task.done()
    loop.close()
    pacing._began -= 2.0  # that was a while ago

    async def run():
        for _ in range(100):
            await pacing.start()
            await paced(asyncio.sleep(0), pacing, Progress())

    asyncio.run(asyncio.wait_for(run(), 10.0))
