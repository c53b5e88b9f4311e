"""What routing adds to a bare httpx call on loopback, and what is left of its throughput.

Both take turns in one run, over the same transport, against a server in another process: once
with the bare call's client in the router, and once with the transport alone ("straight"), as a
router has it that is given no client. The router has everything on: two deployments to balance,
slots, both rate limits, breakers, the decision log and the metrics. Processor time is that of the
event loop's thread: what other work on the machine does not blur.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
from httpx_aiohttp import AiohttpTransport

from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, PolicyFile, write
from routelab.runtime import AsyncRouter, RouterConfig, encode_json

PROMPT = "What is 2 + 2? " * 30
ROUNDS, CALLS = 30, 60
AT_ONCE, TURNS, TURN_S = 32, 6, 0.7


class Overhead(NamedTuple):
    bare: float
    routed: float
    added: float


@contextmanager
def server(after_s: float = 0.0) -> Iterator[str]:
    """The base URL of an endpoint in another process, which answers after so many seconds."""
    command = [sys.executable, "-m", "benchmarks.canned_server", str(after_s)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.communicate()  # closes its standard input, which ends it


def policy_file(folder: Path, base_url: str, at_once: int = 256) -> PolicyFile:
    limits = {
        "max_concurrency": at_once,
        "requests_per_minute": 1e7,
        "tokens_per_minute": 1e9,
    }
    deployments = tuple(Deployment(base_url, name, **limits) for name in ("north", "south"))
    model = Model(input_usd_per_mtok=0.1, output_usd_per_mtok=0.4, deployments=deployments)
    document = Document(
        name="bench",
        policy=to_wire(Fixed("small")),
        candidates=("small",),
        catalogue=Catalogue({"small": model}),
    )
    return write(folder / "bench.policy", document, "# bench\n")


def bare(client: httpx.AsyncClient, base_url: str) -> Callable[[], Awaitable[object]]:
    messages = [{"role": "user", "content": PROMPT}]
    content = encode_json({"model": "north", "messages": messages})
    headers = {"content-type": "application/json"}

    async def call() -> object:
        return await client.post(f"{base_url}/chat/completions", content=content, headers=headers)

    return call


def way(client: httpx.AsyncClient, transport: httpx.AsyncBaseTransport, straight: bool) -> dict:
    """How a router is to send."""
    return {"transport": transport} if straight else {"client": client}


async def overhead_us(
    base_url: str, folder: Path, clock: Callable[[], int], *, straight: bool
) -> Overhead:
    """Median microseconds of a bare call, of a routed one, and of how much longer it took.

    Args:
        clock: nanoseconds.
    """
    transport = httpx.AsyncHTTPTransport()
    async with httpx.AsyncClient(transport=transport) as client:
        options = way(client, transport, straight) | {"log": folder / "log"}
        chosen = policy_file(folder, base_url)
        config = RouterConfig(**options)
        async with AsyncRouter(chosen, chosen.document.catalogue, config) as router:
            calls = bare(client, base_url), lambda: router.route(PROMPT)
            taken: tuple[list[float], list[float]] = [], []
            for turn in range(ROUNDS + 1):
                for call, times in zip(calls, taken, strict=True):
                    for _ in range(CALLS):
                        started = clock()
                        await call()
                        if turn:  # the first round warms up
                            times.append((clock() - started) / 1e3)
    medians = [
        [statistics.median(times[at : at + CALLS]) for at in range(0, len(times), CALLS)]
        for times in taken
    ]
    added = statistics.median(two - one for one, two in zip(*medians, strict=True))
    return Overhead(statistics.median(taken[0]), statistics.median(taken[1]), added)


async def throughput(base_url: str, folder: Path, *, straight: bool) -> tuple[float, float]:
    """Requests a second with 32 at once, bare and routed, the median turn of each."""
    transport = AiohttpTransport()
    async with httpx.AsyncClient(transport=transport) as client:
        options = way(client, transport, straight) | {"log": folder / "log"}
        chosen = policy_file(folder, base_url)
        config = RouterConfig(**options)
        async with AsyncRouter(chosen, chosen.document.catalogue, config) as router:
            calls = bare(client, base_url), lambda: router.route(PROMPT)
            rates: tuple[list[float], list[float]] = [], []
            for _ in range(TURNS):
                for call, found in zip(calls, rates, strict=True):
                    found.append(await rate(call))
    return statistics.median(rates[0]), statistics.median(rates[1])


async def rate(call: Callable[[], Awaitable[object]]) -> float:
    started, done = time.perf_counter(), 0

    async def worker() -> None:
        nonlocal done
        while time.perf_counter() - started < TURN_S:
            await call()
            done += 1

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return done / (time.perf_counter() - started)


def run() -> Iterator[tuple[str, float, str, bool]]:
    with server() as base_url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for how, straight in (("", False), ("straight_", True)):
            for what, clock in (("", time.perf_counter_ns), ("processor_", time.thread_time_ns)):
                found = asyncio.run(overhead_us(base_url, folder, clock, straight=straight))
                if not what:
                    yield f"call_{how}bare_p50_us", found.bare, "-", True
                    yield f"call_{how}routed_p50_us", found.routed, "-", True
                label = f"call_{how}routing_adds_{what}p50_us"
                yield label, found.added, "<=150", found.added <= 150
            plain, routed = asyncio.run(throughput(base_url, folder, straight=straight))
            share = routed / plain
            yield f"calls_{how}bare_aiohttp_c32_per_s", plain, "-", True
            yield f"calls_{how}routed_aiohttp_c32_per_s", routed, "-", True
            yield f"calls_{how}routed_share_c32", share, ">=0.6", share >= 0.6
