"""What a collection costs: calls a second with every answer on the disk, and its memory.

Calls are those of three models on the embedded requests, asked of a replay server in another
process, with a journal that is synced before an answer counts. `calls_per_s` is by the wall, with
the server on the same machine; `calls_per_cpu_s` is by the processor time of the event loop's
thread, which other work on the machine does not blur. Memory is the peak of a process that
prepares 1,000,000 requests, begins to ask them, and stops.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.bench_runtime import server
from routelab import collect as collecting
from routelab import logs, read
from routelab.collect import CollectOptions
from routelab.collect.asking import collector
from routelab.core.catalogue import Catalogue, Deployment, Model, catalogue_file, pointed_at

DATASETS = Path(__file__).parents[1] / "datasets"
REQUESTS, AT_ONCE = 2_000, 32
MANY, ASKED = 1_000_000, 2_000

_SERVE = """
import sys
from routelab import read
from routelab.replay_server import run
run(read(sys.argv[1]), port=0, ready=lambda url: print(url, flush=True))
"""
_MANY = """
import asyncio, json, resource, sys
from benchmarks import bench_collect
print(json.dumps(bench_collect.asked_of_many(sys.argv[1], sys.argv[2])))
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


class Taken(NamedTuple):
    """Seconds by the wall, and of the processor on the event loop's thread."""

    wall_s: float
    loop_s: float


@contextmanager
def replay_server(log: Path) -> Iterator[str]:
    """The base URL of a replay server in another process."""
    command = [sys.executable, "-c", _SERVE, str(log)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def asked(source: Path, out: Path, catalogue: Catalogue, **options: object) -> tuple[int, Taken]:
    """How many cells were asked, and the seconds that the asking itself took."""
    taken = Taken(0.0, 0.0)
    plain = collector.Collector.run

    async def timed(self: collector.Collector) -> object:
        nonlocal taken
        wall_s, loop_s = time.perf_counter(), time.thread_time()
        standing = await plain(self)
        taken = Taken(time.perf_counter() - wall_s, time.thread_time() - loop_s)
        return standing

    how = CollectOptions(max_usd=1_000.0, at_once=AT_ONCE, **options)
    collector.Collector.run = timed
    try:
        made = asyncio.run(collecting.collect(source, out, catalogue, how))
    finally:
        collector.Collector.run = plain
    return made.standing.done, taken


def asked_of_many(source: str, url: str) -> int:
    """Cells that were asked of the first of very many requests."""
    deployments = (Deployment(url, "canned"),)
    model = Model(input_usd_per_mtok=0.1, output_usd_per_mtok=0.2, deployments=deployments)
    out = Path(source).with_name("many.collection")
    return asked(Path(source), out, Catalogue({"canned": model}), requests=ASKED)[0]


def run() -> Iterator[tuple[str, float, str, bool]]:
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        log = read(DATASETS / "sample.parquet").take(np.arange(REQUESTS))
        path = logs.write(log, folder / "asked.parquet")
        known = catalogue_file.read(DATASETS / "sample.models.toml")
        with replay_server(path) as url:
            catalogue = pointed_at(url, log.models[:3], known)
            calls, taken = asked(path, folder / "bench.collection", catalogue)
        wall, loop = calls / taken.wall_s, calls / taken.loop_s
        yield "collect_calls_per_s", wall, ">=1500", wall >= 1_500
        yield "collect_calls_per_cpu_s", loop, ">=1500", loop >= 1_500
    with tempfile.TemporaryDirectory() as held, server() as url:
        source = Path(held) / "many.jsonl"
        with source.open("w", encoding="utf-8") as file:
            for at in range(MANY):
                said = {"request_id": f"q{at}", "prompt": f"What is {at} + 2? " + "Why? " * 40}
                file.write(json.dumps(said) + "\n")
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-c", _MANY, str(source), url],
            capture_output=True, text=True, check=True, env=dict(os.environ),
        )  # fmt: skip
        calls, peak_kb = map(json.loads, ended.stdout.splitlines())
        assert calls == ASKED, calls
        peak_mb = peak_kb / 1024
        yield "collect_1m_requests_mb", peak_mb, "<500", peak_mb < 500
        took_s = time.perf_counter() - began
        yield "collect_1m_requests_s", took_s, "-", True
