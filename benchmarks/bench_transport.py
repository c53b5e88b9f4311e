"""What a routed call costs the processor over each transport, with one and with many at once."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench_runtime import PROMPT, policy_file, server
from routelab.runtime import AsyncRouter, RouterConfig

TRANSPORTS = ("httpx", "aiohttp")
AT_ONCE = (1, 32, 128)
CALLS, TURNS = 256, 5


async def call_us(base_url: str, folder: Path, transport: str, at_once: int) -> float:
    """Microseconds of the event loop's thread for a routed call, the median turn."""
    chosen = policy_file(folder, base_url)
    async with AsyncRouter(
        chosen, chosen.document.catalogue, config=RouterConfig(transport=transport)
    ) as router:
        turns = []
        for _ in range(TURNS + 1):
            started = time.thread_time_ns()
            calls = iter(range(CALLS))
            await asyncio.gather(*(_work(router, calls) for _ in range(at_once)))
            turns.append((time.thread_time_ns() - started) / 1e3 / CALLS)
    return statistics.median(turns[1:])  # the first one warms up


async def _work(router: AsyncRouter, calls: Iterator[int]) -> None:
    for _ in calls:
        await router.route(PROMPT)


def run() -> list[tuple[str, float, str, bool]]:
    with server() as base_url, tempfile.TemporaryDirectory() as folder:
        return [
            (
                f"call_{transport}_c{at_once}_processor_us",
                asyncio.run(call_us(base_url, Path(folder), transport, at_once)),
                "-",
                True,
            )
            for at_once in AT_ONCE
            for transport in TRANSPORTS
        ]
