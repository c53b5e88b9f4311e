"""Opening a Parquet log of 1,000,000 rows with prompts of 1 kB, in a fresh process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

REQUESTS, MODELS, CHARACTERS = 250_000, 4, 1_000
SECONDS, MEGABYTES = 2.0, 600.0

OPEN = """
import time
start = time.perf_counter()
import json, resource, sys
from routelab.logs import read
log = read(sys.argv[1])
seconds = time.perf_counter() - start
try:
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    kilobytes = int(status["VmHWM"].split()[0])
except OSError:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, kilobytes / 1024, len(log), len(log.models)]))
"""


def run() -> list[tuple[str, float, float, bool]]:
    """(name, value, target, ok): seconds with imports and peak resident memory, medians of 3."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.parquet"
        make(path)
        found = [_open(path) for _ in range(3)]
    seconds, megabytes = (statistics.median(column) for column in zip(*found, strict=True))
    return [
        ("open_1m_rows_s", seconds, SECONDS, seconds < SECONDS),
        ("open_1m_rows_peak_mb", megabytes, MEGABYTES, megabytes < MEGABYTES),
    ]


def make(path: Path) -> None:
    """A log whose prompts are all different, in row groups of 100,000 rows."""
    rng = np.random.default_rng(0)
    book = "".join(rng.choice(list("etaoin shrdlu"), 2_000_000))
    writer = None
    for start in range(0, REQUESTS, 25_000):
        table = _block(np.arange(start, start + 25_000), book, rng)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=100_000)
    assert writer is not None
    writer.close()


def _block(requests: np.ndarray, book: str, rng: np.random.Generator) -> pa.Table:
    n = len(requests) * MODELS
    prompts = [f"{r} {book[7 * r : 7 * r + CHARACTERS]}" for r in requests.tolist()]
    quality, confidence = rng.random(n), rng.random(n)
    return pa.table(
        {
            "request_id": np.repeat([f"request-{r:08d}" for r in requests], MODELS),
            "task": np.repeat([f"task-{r % 50}" for r in requests], MODELS),
            "prompt": [prompt for prompt in prompts for _ in range(MODELS)],
            "model": [f"model-{k}" for k in range(MODELS)] * len(requests),
            "quality": quality,
            "cost_usd": rng.random(n) / 1000,
            "latency_ms": rng.random(n) * 1000,
            "prompt_tokens": rng.integers(1, 1000, n),
            "completion_tokens": rng.integers(1, 1000, n),
            "confidence": confidence,
        }
    )


def _open(path: Path) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, check=True
    )
    seconds, megabytes, n, m = json.loads(done.stdout)
    assert (n, m) == (REQUESTS, MODELS)
    return seconds, megabytes


if __name__ == "__main__":
    for name, value, target, ok in run():
        print(name, f"{value:.3g}", f"{target:g}", "ok" if ok else "below")
