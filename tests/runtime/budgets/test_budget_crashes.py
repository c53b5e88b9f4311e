"""After a process is killed, every answer that it gave is charged."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from routelab.runtime.budgets import SqliteStore

PRICE_USD = 0.001
"""Of each answer: the one that the program below gives."""


def killed(folder, kills, seed, stream):
    """Answers that were given before so many kills, and USD that were charged in all."""
    command = [sys.executable, __file__, str(folder), str(kills), str(seed), stream]
    places = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (all_,) = asyncio.run(balances_an_hour_later(folder / "b.sqlite"))
    assert all_.reserved == 0
    return int(done.stdout), all_.spent / 1e9


async def balances_an_hour_later(path):
    """What there is of the accounts once those who were killed count as dead."""
    store = SqliteStore(path, wall_clock=lambda: time.time() + 3_600.0)
    await store.kept()
    found = await store.balances(("total",))
    await store.aclose()
    return found


@pytest.mark.parametrize("stream", ["", "told at its end", "told at its first piece"])
@pytest.mark.parametrize("kills", [3, pytest.param(28, marks=pytest.mark.slow)])
def test_every_answer_that_was_given_is_charged(tmp_path, kills, stream):
    """Of a stream also what was read of it when the process was killed."""
    answers, charged_usd = killed(tmp_path, kills, 11, stream)
    assert answers > 10 * kills
    assert charged_usd >= answers * PRICE_USD - 1e-9
    under_way = kills * AT_ONCE  # for each of which a little more was reserved than it costs
    assert charged_usd <= (answers + 1.5 * under_way) * PRICE_USD


AT_ONCE = 16
BODY = {
    "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 0, "completion_tokens": 125},
}


def main(folder, kills, seed, stream):
    """Fork processes that answer, kill each, and print how many answers they gave."""
    from runtime_world import policy_file

    from routelab.core.catalogue import Catalogue, Deployment, Model
    from routelab.policies import Fixed

    at = (Deployment("http://upstream.test/v1", "m"),)
    prices = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 8.0}
    catalogue = Catalogue({"m": Model(deployments=at, **prices)})
    file = policy_file(folder, Fixed("m"), catalogue)
    rng, answers = random.Random(seed), 0
    for _ in range(kills):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            answering(file, catalogue, folder, write, stream)
        os.close(write)
        answers += len(os.read(read, 1))  # it is at work
        time.sleep(rng.uniform(0.02, 0.3))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while told := os.read(read, 1 << 16):
            answers += len(told)
        os.close(read)
    sys.stdout.write(str(answers))


def answering(file, catalogue, folder, write, stream):
    """Answer for ever, and write a byte for each answer."""
    from contextlib import asynccontextmanager

    from routelab.runtime import AsyncRouter, OpenReply, Reply, RouterConfig
    from routelab.runtime.attempts import sse_event, word_chunks
    from routelab.runtime.budgets import BudgetRule, Budgets

    class Endpoint:
        async def send(self, outgoing):
            await asyncio.sleep(0)
            return Reply(200, BODY)

        @asynccontextmanager
        async def stream(self, outgoing):
            async def chunks():
                for piece in word_chunks(BODY, usage=True):
                    yield sse_event(piece)
                    await asyncio.sleep(0.001)
                yield b"data: [DONE]\n\n"

            yield OpenReply(200, chunks(), {"content-type": "text/event-stream"})

        def hide(self, deployment, text):
            return text

    async def one(router):
        if stream:
            async with router.stream("hi", max_tokens=125) as answer:
                async for piece in answer:
                    if piece.text and stream == "told at its first piece":
                        os.write(write, b".")
        else:
            await router.route("hi", max_tokens=125)
        if stream != "told at its first piece":
            os.write(write, b".")

    async def many(router):
        while True:
            await one(router)

    async def run():
        config = RouterConfig(
            upstream=Endpoint(),
            quiet=True,
            budgets=Budgets(all=BudgetRule(1e6, period="total")),
            budget_store=SqliteStore(folder / "b.sqlite"),
        )
        async with AsyncRouter(file, catalogue, config) as router:
            await asyncio.gather(*(many(router) for _ in range(AT_ONCE)))

    asyncio.run(run())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
