"""Studies in batches say of a log what studies in memory say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from routelab.logs import open_batches, read
from routelab.replay.partitions import workers
from routelab.tuning import Options, tune
from routelab.tuning.partitions import tune_partitions


def saved(folder, *, long, tasks=True, n=1200):
    """Two models in two files, of which the dear one lacks most outcomes in one task."""
    rng = np.random.default_rng(0)
    task = np.array(["law", "maths"])[np.arange(n) // 2 % 2]
    right = rng.random((n, 2)) < np.where(task == "law", 0.4, 0.8)[:, None] + [0.0, 0.15]
    gone = (task == "law") & (rng.random(n) < 0.2)
    ids = [f"r{at:04d}" for at in range(n)]
    folder.mkdir()
    quality = right.astype(float)
    for at in range(2):
        half = slice(at * n // 2, (at + 1) * n // 2)
        shared = {"request_id": ids[half]} | ({"task": task[half]} if tasks else {})
        if long:
            rows = [
                pd.DataFrame({**shared, "model": model, "quality": quality[half, column],
                              "cost_usd": cost})
                for column, (model, cost) in enumerate((("small", 1e-3), ("large", 1e-2)))
            ]  # fmt: skip
            rows[1] = rows[1][~gone[half]]
            table = pd.concat(rows)
        else:
            large = np.where(gone[half], np.nan, quality[half, 1])
            table = pd.DataFrame({**shared, "small": quality[half, 0], "large": large})
            table["small|total_cost"], table["large|total_cost"] = 1e-3, 1e-2
        table.to_parquet(folder / f"{at}.parquet")
    return folder


def about_missing(study):
    return [it for it in study.verdict.reasons if "missing" in it]


@pytest.mark.parametrize("long", [True, False], ids=["long", "wide"])
@pytest.mark.parametrize("tasks", [True, False], ids=["tasks", "no-tasks"])
def test_outcomes_missing_by_cause_are_told_alike_in_batches(tmp_path, long, tasks):
    path = saved(tmp_path / "log", long=long, tasks=tasks)
    batches = open_batches(path)
    assert (batches.wide is None) is long
    whole = tune(read(path), Options(name="p", policy="cascade", trials=5))
    with workers("threads", 1) as on:
        parts = tune_partitions(batches, Options(name="p", policy="cascade"), on)
    told = about_missing(parts)
    assert told == about_missing(whole)
    assert "outcomes of large are missing" in told[0]
    if tasks:
        assert "most in the tasks law" in told[0]
    assert "so the exported policy's quality on test" in told[-1]


def test_a_whole_log_is_read_no_further_time(tmp_path):
    path, passes = saved(tmp_path / "log", long=False), []
    for at in range(2):
        table = pd.read_parquet(path / f"{at}.parquet").fillna(0.5)
        table.to_parquet(path / f"{at}.parquet")

    def heard(name):
        passes.append(name)
        return lambda *_: None

    with workers("threads", 1) as on:
        options = Options(name="p", policy="cascade")
        study = tune_partitions(open_batches(path), options, on, passes=heard)
    assert about_missing(study) == []
    assert "counting what is missing" not in passes
