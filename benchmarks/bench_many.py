"""2,000 calls at once to an endpoint that takes a second: are all answered, and who else may run?

Bare aiohttp and routers with default settings, in one run and against a server in another process.
The event loop's longest block is how late a timer of a few milliseconds rang; its processor time is
what the loop's thread computed meanwhile, which other work on the machine does not blur, and its
own is that less whole passes of the garbage collector, which look at all that waits. What was there
before is frozen for these passes, as a service does once it has started.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp

from benchmarks.bench_runtime import PROMPT, server
from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, PolicyFile, write
from routelab.runtime import AsyncRouter, RouterConfig

CALLS, TAKES_S = 2000, 1.0
TICK_S = 0.005
MOST_MS = 50.0


class Rush(NamedTuple):
    """What came of calls that all began at once."""

    took_s: float
    blocked_ms: float
    processor_ms: float
    own_ms: float
    answered: int


class Collector:
    """Processor time of the garbage collector on this thread so far."""

    def __init__(self) -> None:
        self.spent_s = self._began = 0.0

    def __call__(self, phase: str, _: object) -> None:
        now = time.thread_time()
        if phase == "stop":
            self.spent_s += now - self._began
        self._began = now


def policy_file(folder: Path, base_url: str) -> PolicyFile:
    """One deployment that says nothing of limits."""
    place = Deployment(base_url, "canned")
    model = Model(input_usd_per_mtok=0.1, output_usd_per_mtok=0.4, deployments=(place,))
    document = Document(
        name="many",
        policy=to_wire(Fixed("canned")),
        candidates=("canned",),
        catalogue=Catalogue({"canned": model}),
    )
    return write(folder / "many.policy", document, "# many\n")


async def rush(call: Callable[[], Awaitable[object]]) -> Rush:
    await call()  # imports, certificates
    gc.collect()
    gc.freeze()
    late: list[tuple[float, float, float]] = []
    collector = Collector()
    gc.callbacks.append(collector)

    async def tick() -> None:
        while True:
            began, busy, collected = time.monotonic(), time.thread_time(), collector.spent_s
            await asyncio.sleep(TICK_S)
            took = time.thread_time() - busy
            own = took - (collector.spent_s - collected)
            late.append((time.monotonic() - began - TICK_S, took, own))

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    began = time.monotonic()
    tasks = [asyncio.ensure_future(call()) for _ in range(CALLS)]
    got = await asyncio.gather(*tasks, return_exceptions=True)
    took_s = time.monotonic() - began
    await asyncio.sleep(2 * TICK_S)
    ticking.cancel()
    gc.callbacks.remove(collector)
    gc.unfreeze()
    answered = sum(not isinstance(it, BaseException) for it in got)
    blocked, processor, own = (1e3 * max(column) for column in zip(*late, strict=True))
    return Rush(took_s, blocked, processor, own, answered)


async def bare(base_url: str) -> Rush:
    content = {"model": "canned", "messages": [{"role": "user", "content": PROMPT}]}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call() -> None:
            async with session.post(f"{base_url}/chat/completions", json=content) as reply:
                await reply.read()

        return await rush(call)


async def routed(base_url: str, folder: Path, **options: str) -> Rush:
    config = RouterConfig(log=folder / "log", **options)
    chosen = policy_file(folder, base_url)
    async with AsyncRouter(chosen, chosen.document.catalogue, config) as router:
        return await rush(lambda: router.route(PROMPT))


@contextmanager
def places() -> Iterator[tuple[str, Path]]:
    with server(TAKES_S) as base_url, tempfile.TemporaryDirectory() as folder:
        yield base_url, Path(folder)


def run() -> Iterator[tuple[str, float, str, bool]]:
    with places() as (base_url, folder):
        found = asyncio.run(bare(base_url))
        yield "many_bare_aiohttp_s", found.took_s, "-", True
        yield "many_bare_aiohttp_blocked_ms", found.blocked_ms, "-", True
    for name, options in (("", {}), ("aiohttp_", {"transport": "aiohttp"})):
        with places() as (base_url, folder):
            found = asyncio.run(routed(base_url, folder, **options))
        yield f"many_{name}s", found.took_s, "-", True
        yield f"many_{name}answered", found.answered, f"{CALLS}", found.answered == CALLS
        limit = f"<={MOST_MS:g}"
        yield f"many_{name}blocked_ms", found.blocked_ms, limit, found.blocked_ms <= MOST_MS
        good = found.processor_ms <= MOST_MS
        yield f"many_{name}blocked_processor_ms", found.processor_ms, limit, good
        yield f"many_{name}blocked_own_ms", found.own_ms, limit, found.own_ms <= MOST_MS
