"""Whatever an endpoint sends ends soon, in little memory, and the next deployment is asked."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from evil_server import LONG_STREAMS, NO_ENDS, STREAMS, TOO_MUCH, EvilServer
from runtime_world import policy_file

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, RetryRules
from routelab.errors import RouteError
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, RouterConfig

RULES = EngineRules(retry=RetryRules(most=0))
GROWTH = 400 << 20
"""Bytes that a request may take."""


def router(folder, server, ways, timeout_s=30.0, transport=None):
    """One whose model is served in these ways, the first of which is asked first."""
    models = {
        "first": Model(deployments=(Deployment(server.url(ways[0]), "m"),), fallbacks=("second",)),
        "second": Model(deployments=(Deployment(server.url(ways[-1]), "m"),)),
    }
    catalogue = Catalogue(models, RULES)
    file = policy_file(folder, Fixed("first"), catalogue)
    return AsyncRouter(
        file, catalogue, RouterConfig(timeout_s=timeout_s, quiet=True, transport=transport)
    )


async def answered(made, *, stream):
    async with made as asked:
        if not stream:
            return await asked.route("2 + 2?")
        async with asked.stream("2 + 2?") as answer:
            async for _ in answer:
                pass
        return await answer.settled()


@pytest.fixture(scope="module")
def server():
    with EvilServer() as evil:
        yield evil


@pytest.mark.parametrize("transport", [None, "aiohttp"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_packed_answer_is_unpacked(tmp_path, server, transport, stream):
    made = router(tmp_path, server, ["gzip_good"], transport=transport)
    assert asyncio.run(answered(made, stream=stream)).answer == "4"


@pytest.mark.parametrize("way", TOO_MUCH)
def test_what_is_too_much_is_a_failure_and_the_next_is_asked(tmp_path, server, way):
    routed = asyncio.run(answered(router(tmp_path, server, [way, "good"]), stream=False))
    assert routed.answer == "4"
    assert routed.model == "second"
    assert routed.decision.steps[0].feedback.attempts[0].failure in ("malformed", "cut", "output")


@pytest.mark.parametrize("way", STREAMS)
def test_streams_that_never_answer_are_failures(tmp_path, server, way):
    made = router(tmp_path, server, [way, "good"])
    try:
        assert asyncio.run(answered(made, stream=True)).answer == "4"
    except RouteError as error:
        assert "broke off" in str(error)  # noqa: PT017  (either is an end)


@pytest.mark.parametrize("way", NO_ENDS)
@pytest.mark.parametrize("stream", [False, True])
def test_what_never_ends_is_ended_by_the_deadline(tmp_path, server, way, stream):
    made = router(tmp_path, server, [way, "good"], timeout_s=0.5)
    assert asyncio.run(answered(made, stream=stream)).answer == "4"


def test_a_deployment_may_be_granted_more(tmp_path, server):
    made = router(tmp_path, server, ["good"])
    small = Deployment(server.url("good"), "m", max_reply_bytes=10)
    catalogue = Catalogue({"first": Model(deployments=(small,))}, RULES)
    file = policy_file(tmp_path, Fixed("first"), catalogue)
    with pytest.raises(RouteError, match="more than 10 bytes"):
        asyncio.run(answered(AsyncRouter(file, catalogue), stream=False))
    assert asyncio.run(answered(made, stream=False)).answer == "4"


def measured(url, stream, transport):
    """In a process of its own: how it ends, processor time, growth in bytes, longest block."""
    command = [sys.executable, __file__, url, str(int(stream)), transport or ""]
    places = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": places},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("transport", [None, "aiohttp"])
@pytest.mark.parametrize(
    ("way", "stream"),
    [(it, False) for it in TOO_MUCH] + [(it, True) for it in (*STREAMS, *LONG_STREAMS)],
)
def test_little_memory_is_taken(server, way, stream, transport):
    found = measured(server.url(way), stream, transport)
    assert found["growth"] < GROWTH
    assert found["end"] in ("answered", "refused")


def main(url, stream, transport):
    from tempfile import TemporaryDirectory

    longest = 0.0

    async def beat():
        nonlocal longest
        while True:
            before = time.thread_time()  # what others take of the machine is none of it
            await asyncio.sleep(0.005)
            longest = max(longest, time.thread_time() - before)

    async def main_(folder):
        models = {"first": Model(deployments=(Deployment(url, "m"),))}
        catalogue = Catalogue(models, RULES)
        file = policy_file(Path(folder), Fixed("first"), catalogue)
        made = AsyncRouter(
            file, catalogue, RouterConfig(timeout_s=20.0, quiet=True, transport=transport or None)
        )
        beating = asyncio.create_task(beat())
        try:
            await answered(made, stream=stream)
            return "answered", ""
        except RouteError as error:
            return "refused", str(error)
        finally:
            beating.cancel()

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    with TemporaryDirectory() as folder:
        end, why = asyncio.run(main_(folder))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) * 1024
    seconds = time.process_time() - begun
    told = {"end": end, "why": why, "growth": grown, "cpu_s": seconds, "blocked_s": longest}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "1", sys.argv[3])
