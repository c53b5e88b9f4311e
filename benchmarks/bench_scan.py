"""Statistics of 20,000,000 requests in 16 Parquet files, on one process for each processor."""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.stopwatch import seconds
from routelab.core import SignalSpec
from routelab.logs import open_batches
from routelab.replay.cells import Chain, Levels, Spec, Stats, merged
from routelab.replay.partitions import PartitionPart, workers
from routelab.replay.partitions.passes import Sums, tally_file

FILES, ROWS = 16, 1_250_000
MODELS, COUNT = ("a", "b", "c"), 256
REPEATS = 3


def make(job: tuple[Path, int]) -> None:
    """One file: three models, two of them with a confidence."""
    folder, file = job
    rng = np.random.default_rng(file)
    columns: dict[str, object] = {"request_id": np.arange(file * ROWS, (file + 1) * ROWS)}
    for rank, model in enumerate(MODELS):
        columns[model] = rng.integers(0, 2, ROWS, dtype=np.int8)
        columns[f"{model}|total_cost"] = rng.random(ROWS, dtype=np.float32) * 4**rank
        if model != MODELS[-1]:
            columns[f"{model}|confidence"] = rng.random(ROWS, dtype=np.float32)
    table = pa.table(columns)
    path = folder / f"part-{file:02d}.parquet"
    pq.write_table(table, path, row_group_size=1 << 17, use_dictionary=False)


def naive(path: Path) -> tuple[float, float]:
    """Quality and cost of one pair of thresholds, by whole columns."""
    table = pq.read_table(path)
    a, b, c = (np.asarray(table.column(name), dtype=np.float64) for name in MODELS)
    costs = [np.asarray(table.column(f"{m}|total_cost"), dtype=np.float64) for m in MODELS]
    sure = [np.asarray(table.column(f"{m}|confidence"), dtype=np.float64) for m in MODELS[:2]]
    first, second = sure[0] >= 0.5, sure[1] >= 0.5
    quality = np.where(first, a, np.where(second, b, c))
    cost = costs[0] + np.where(first, 0.0, costs[1] + np.where(second, 0.0, costs[2]))
    return float(quality.sum()), float(cost.sum())


def processor_s(job: tuple[PartitionPart, tuple[Spec, ...]]) -> float:
    """Processor seconds of one file: what other programs take of the machine is not in it."""
    start = time.process_time()
    tally_file(job)
    return time.process_time() - start


def peak_mb(_: int) -> tuple[int, float]:
    """Peak resident memory of a worker, by its id."""
    return os.getpid(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run() -> list[tuple[str, float, str, bool]]:
    levels = tuple(Levels(np.arange(1, COUNT + 1) / (COUNT + 1)) for _ in MODELS[:-1])
    middle = Levels(np.array([0.5]))
    chains = (Chain(MODELS, levels), Chain(MODELS, (middle, middle)))
    with tempfile.TemporaryDirectory() as name, workers("processes") as on:
        folder = Path(name)
        list(on.map(make, [(folder, file) for file in range(FILES)]))
        log = open_batches(folder, signals={"confidence": SignalSpec(multiplier=1.0)})
        wanted = np.ones(ROWS, dtype=np.bool_)
        parts = [
            PartitionPart(log, file, file * ROWS, wanted, None, MODELS) for file in range(FILES)
        ]

        def scan(spec: Spec) -> Stats:
            found: list[tuple[Sums, ...]] = list(
                on.map(tally_file, [(it, (spec,)) for it in parts])
            )
            return merged(Stats(spec, sums) for (sums,) in found)

        one = scan(Spec("confidence", chains[1:])).totals(chains[1])
        quality, cost = (sum(it) for it in zip(*on.map(naive, log.files), strict=True))
        assert np.isclose(one.quality[0, 0, 0], quality, rtol=1e-12)
        assert np.isclose(one.cost_usd[0, 0, 0], cost, rtol=1e-12)
        grid = Spec("confidence", chains[:1])
        ours = statistics.median(seconds(scan, grid) for _ in range(REPEATS))
        theirs = seconds(lambda: list(on.map(naive, log.files)))
        busy = sum(on.map(processor_s, [(it, (grid,)) for it in parts]))
    # Those workers wrote the files too, which takes more than reading them: ask fresh ones.
    with tempfile.TemporaryDirectory() as name, workers("processes") as on:
        make((Path(name), 0))
        log = open_batches(Path(name), signals={"confidence": SignalSpec(multiplier=1.0)})
        jobs = [(PartitionPart(log, 0, 0, wanted, None, MODELS), (grid,))] * 4
        list(on.map(tally_file, jobs))
        memory = max(megabytes for _, megabytes in on.map(peak_mb, range(8)))
    rate = FILES * ROWS / ours / 1e6
    alone = FILES * ROWS / busy / 1e6
    faster = theirs / (ours / chains[0].vectors)
    return [
        ("scan_20m_rows_mrows_per_s", rate, ">=10", rate >= 10),
        ("scan_20m_rows_mrows_per_processor_s", alone, ">=5", alone >= 5),
        ("scan_20m_rows_faster_than_naive_per_vector", faster, ">=500", faster >= 500),
        ("scan_peak_mb_per_process", memory, "<500", memory < 500),
    ]


if __name__ == "__main__":
    for name, value, target, ok in run():
        print(name, f"{value:.4g}", target, "ok" if ok else "below")
