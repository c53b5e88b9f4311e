"""Load in earnest: memory stays flat, no socket is left, and the log's costs are the bill."""

from __future__ import annotations

import asyncio
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec
import pytest
from runtime_world import policy_file

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.policies import Cascade
from routelab.runtime import AsyncRouter, RouterConfig

SERVER = Path(__file__).with_name("fast_server.py")
PRICES = {"input_usd_per_mtok": 0.7, "output_usd_per_mtok": 3.1}
CASCADE = Cascade(models=("small", "large"), thresholds=(0.5,), signal="score")
AT_ONCE = 32
LONGEST_S = 3600.0
SAMPLES = 40
"""Of the memory, over a run."""

FLAT_BYTES = 40.0
"""A request may leave no more behind: less than one object."""


@pytest.fixture
def server():
    """The address of a fast server in a process of its own."""
    process = subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def open_sockets():
    links = Path("/proc/self/fd").iterdir()
    return sum(str(it.readlink()).startswith("socket:") for it in links if it.is_symlink())


async def load(router, n):
    """Ask n times, every tenth time streaming; the memory as it went."""
    began, memory, asked = time.monotonic(), [], iter(range(n))

    async def worker():
        for k in asked:
            if k % 10 == 0:
                async with router.stream(f"question {k}", id=str(k)) as answer:
                    pieces = [piece async for piece in answer]
                assert pieces
            else:
                await router.route(f"question {k}", id=str(k))
            if k % (n // SAMPLES) == 0:
                assert time.monotonic() - began < LONGEST_S
                memory.append((k, resident_bytes()))

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return memory


def bill(server):
    with httpx.Client(trust_env=False) as client:
        return client.get(server).json()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize("n", [1_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_under_load_nothing_leaks_and_the_log_is_the_bill(server, tmp_path, n):
    places = {
        name: tuple(Deployment(f"{server}/{at}/v1", name) for at in "ab") for name in CASCADE.models
    }
    models = {name: Model(deployments=at, **PRICES) for name, at in places.items()}
    chosen = policy_file(tmp_path, CASCADE, Catalogue(models))

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport="aiohttp", log=tmp_path / "log"),
        ) as router:
            await router.route("warm up", id="warm up")
            memory = await load(router, n)
            snapshot = await router.snapshot()
        return memory, snapshot

    before = open_sockets()
    began = time.perf_counter()
    memory, snapshot = asyncio.run(run())
    took_s = time.perf_counter() - began
    assert open_sockets() == before
    told = bill(server)
    assert told["open"] == 1  # that which asks for the bill
    assert told["most_open"] <= 2 * AT_ONCE

    requests = prompt = completion = 0
    costs = []
    for path in sorted((tmp_path / "log").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            record = msgspec.json.decode(line)
            requests += record["status"] == "answered"
            costs.append(record["cost_usd"])
            for step in record["steps"]:
                for attempt in step["attempts"]:
                    prompt += int(attempt.get("prompt_tokens") or 0)
                    completion += int(attempt.get("completion_tokens") or 0)
    assert snapshot.log.dropped == 0
    assert requests == n + 1
    assert (prompt, completion) == (told["prompt_tokens"], told["completion_tokens"])
    billed = (
        prompt * PRICES["input_usd_per_mtok"] + completion * PRICES["output_usd_per_mtok"]
    ) / 1e6
    assert math.isclose(math.fsum(costs), billed, rel_tol=1e-12)

    late = memory[len(memory) // 4 :]
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope
    print(  # noqa: T201  (a soak is run to see its figures)
        f"{n:,} requests, {told['requests']:,} calls in {took_s:.0f} s:"
        f" {n / took_s:.0f} requests/s, {slope:.2f} bytes a request"
    )
    if n >= 100_000:
        assert slope < FLAT_BYTES
