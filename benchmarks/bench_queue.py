"""Requests a second through NATS and Redis: from a full topic to the last answer in another one.

The broker, the endpoint that answers at once, and the gateway are processes of their own; each
request is kept, answered, published and acknowledged. Processor time is the gateway's alone: on a
machine that has nothing else to do, its inverse is what one core would do.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.bench_runtime import PROMPT, policy_file, server
from benchmarks.bench_serve import processor_s, started
from benchmarks.brokers import broker, is_installed
from routelab.core.catalogue import catalogue_file
from routelab.runtime import encode_json

REQUESTS, TURNS, AT_ONCE = 2_000, 3, 64
BODY = encode_json({"messages": [{"role": "user", "content": PROMPT}]})
TOPIC, RESULTS, STREAM = "bench.requests", "bench.results", "BENCH"
SETTINGS = """
log = "log"
[[queue]]
name = "bench"
broker = "{kind}"
url = "{url}"
sources = ["{topic}"]
results = "{results}"
dead_letters = "bench.dead"
at_once = {at_once}
prefetch = 512
{stream}
[delivery]
log = "deliveries.sqlite"
"""


async def nats_turn(url: str, turn: int) -> float:
    """Seconds from the first message to the last answer."""
    import nats

    client = await nats.connect(url)
    js = client.jetstream()
    for _ in range(200):  # until the gateway has made the stream
        try:
            before = (await js.stream_info(f"{STREAM}-OUT")).state.messages
            break
        except nats.js.errors.NotFoundError:
            await asyncio.sleep(0.05)
    began = time.perf_counter()
    for at in range(0, REQUESTS, 500):
        await asyncio.gather(
            *(js.publish(TOPIC, BODY, headers={"ce-id": f"{turn}-{n}"})
              for n in range(at, at + 500))
        )  # fmt: skip
    while (await js.stream_info(f"{STREAM}-OUT")).state.messages < before + REQUESTS:
        await asyncio.sleep(0.02)
    took_s = time.perf_counter() - began
    await client.close()
    return took_s


async def redis_turn(url: str, turn: int) -> float:
    import redis.asyncio

    client = redis.asyncio.from_url(url)
    before = await client.xlen(RESULTS)
    began = time.perf_counter()
    for at in range(0, REQUESTS, 500):
        async with client.pipeline(transaction=False) as pipeline:
            for n in range(at, at + 500):
                pipeline.xadd(TOPIC, {"data": BODY, "ce_id": f"{turn}-{n}"})
            await pipeline.execute()
    while await client.xlen(RESULTS) < before + REQUESTS:
        await asyncio.sleep(0.02)
    took_s = time.perf_counter() - began
    await client.aclose()
    return took_s


TURN: dict[str, Callable[[str, int], Awaitable[float]]] = {"nats": nats_turn, "redis": redis_turn}


def measured(kind: str, folder: Path, base_url: str) -> tuple[float, float]:
    """Requests a second, and microseconds of the gateway's processor for each."""
    policy = policy_file(folder, base_url)
    text = catalogue_file.text(policy.document.catalogue.models)
    (folder / "models.toml").write_text(text, encoding="utf-8")
    (folder / "broker").mkdir()
    with broker(kind, folder / "broker") as url:
        stream = f'stream = "{STREAM}"' if kind == "nats" else ""
        settings = SETTINGS.format(
            kind=kind, url=url, topic=TOPIC, results=RESULTS, at_once=AT_ONCE, stream=stream
        )
        (folder / "serve.toml").write_text(settings, encoding="utf-8")
        command = (sys.executable, "-m", "benchmarks.gateway", str(policy.path), str(folder))
        with started(*command) as (pid, _):
            rates, costs = [], []
            for turn in range(TURNS + 1):
                used = processor_s(pid)
                took_s = asyncio.run(TURN[kind](url, turn))
                if turn:  # the first warms up
                    rates.append(REQUESTS / took_s)
                    costs.append((processor_s(pid) - used) / REQUESTS * 1e6)
    return statistics.median(rates), statistics.median(costs)


def run() -> list[tuple[str, float, str, bool]]:
    rows = []
    for kind in TURN:
        if not is_installed(kind):
            print(f"queue: {kind}-server is not installed: not measured", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as held, server() as base_url:
            rate, cost_us = measured(kind, Path(held), base_url)
        rows += [
            (f"queue_{kind}_per_s", rate, ">= 1000", rate >= 1000.0),
            (f"queue_{kind}_processor_us", cost_us, "-", True),
        ]
    return rows
