"""One log, as a file and as folders of any cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MODELS = ("small", "middle", "large")


def wide_table(
    n: int, seed: int = 0, *, time: bool = True, group: bool = False, prompt: bool = False
) -> pa.Table:
    """A row per request; some calls fail, some confidences and outcomes lack."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    columns: dict[str, object] = {"request_id": [f"r{i:06d}" for i in range(n)]}
    columns["task"] = [f"task-{int(10 * it)}" for it in hard]
    if time:
        columns["timestamp"] = 1.7e9 + np.sort(rng.random(n)) * 1e6
    if group:
        columns["group"] = [f"g{i}" for i in rng.integers(0, n // 2, n)]
    if prompt:
        columns["prompt"] = [f"question {i}" for i in rng.integers(0, n // 2, n)]
    for rank, model in enumerate(MODELS):
        right = rng.random(n) < 1.0 - hard * (0.8 - 0.3 * rank)
        sure = np.clip(0.3 * right + 0.5 * (1 - hard) + 0.4 * rng.random(n) - 0.1, 0, 1)
        sure[rng.random(n) < 0.02] = np.nan
        quality = right.astype(np.float64)
        quality[rng.random(n) < 0.003] = np.nan
        columns[model] = quality
        columns[f"{model}|total_cost"] = 1e-4 * 5.0**rank * (0.5 + rng.random(n))
        columns[f"{model}|latency_s"] = rng.lognormal(rank, 0.5, n)
        columns[f"{model}|error"] = rng.random(n) < 0.01
        columns[f"{model}|sure"] = sure
    return pa.table(columns)


def long_table(wide: pa.Table) -> pa.Table:
    """The same with a row per request and model."""
    own = [name for name in wide.column_names if "|" not in name and name not in MODELS]
    names = {"quality": "{}", "cost_usd": "{}|total_cost", "latency_s": "{}|latency_s",
             "error": "{}|error", "sure": "{}|sure"}  # fmt: skip
    parts = []
    for model in MODELS:
        columns = {name: wide.column(name) for name in own}
        columns["model"] = pa.array([model] * len(wide))
        columns |= {ours: wide.column(its.format(model)) for ours, its in names.items()}
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def save_parts(
    folder: Path, table: pa.Table, parts: int, *, rows: int = 700, each: int = 1
) -> Path:
    """The rows in order, in files that are cut unevenly; row groups are small.

    Args:
        each: rows that stay together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    n, total = len(table) // each, parts * parts + parts
    cuts = [0, *(each * (n * (i * i + i) // total) for i in range(1, parts + 1))]
    for at, (start, stop) in enumerate(pairwise(cuts)):
        part = table.slice(start, stop - start)
        pq.write_table(part, folder / f"part-{at:03d}.parquet", row_group_size=rows)
    return folder


def save_whole(path: Path, table: pa.Table) -> Path:
    pq.write_table(table, path)
    return path


def by_request(long: pa.Table, order: pa.Table) -> pa.Table:
    """A long table with the rows of each request together, in the order of the wide one."""
    at = {name: i for i, name in enumerate(order.column("request_id").to_pylist())}
    keys = np.array([at[name] for name in long.column("request_id").to_pylist()])
    return long.take(pa.array(np.argsort(keys, kind="stable")))
