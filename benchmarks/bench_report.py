"""The report of a 100,000-request, 5-model study: where its figures come from, drawn, written."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from routelab.core import SignalSpec
from routelab.logs import Log, Requests
from routelab.replay.breakdown import breakdown
from routelab.reports import render
from routelab.tuning import Options, tune
from routelab.tuning.study import as_json

N, MODELS = 100_000, ("tiny", "small", "medium", "large", "huge")


def log(n: int = N, seed: int = 0) -> Log:
    """Rising quality and cost, a useful signal, 40 tasks of falling size and four tenants."""
    rng = np.random.default_rng(seed)
    hard, step = rng.random((n, 1)), np.linspace(0.35, 1.0, len(MODELS))
    right = (rng.random((n, len(MODELS))) < 1.15 * step - 0.5 * hard).astype(np.float64)
    knows = 1 / (1 + np.exp(-(1.6 * (right - 0.5) + rng.normal(size=right.shape))))
    cost = rng.lognormal(sigma=0.5, size=right.shape) * 2e-5 * 4.0 ** np.arange(len(MODELS))
    task = np.minimum(rng.geometric(0.08, n), 40)
    return Log(
        requests=Requests(
            id=np.array([f"r{i}" for i in range(n)], dtype=object),
            task=np.array([f"task {i:02}" for i in task], dtype=object),
            tenant=np.array([f"tenant {i}" for i in rng.integers(0, 4, n)], dtype=object),
            timestamp_s=np.arange(n, dtype=np.float64),
        ),
        models=MODELS,
        quality=np.asfortranarray(right),
        cost_usd=np.asfortranarray(cost),
        latency_s=np.asfortranarray(rng.lognormal(sigma=0.6, size=right.shape)),
        prompt_tokens=np.full(right.shape, np.nan, order="F"),
        completion_tokens=np.full(right.shape, np.nan, order="F"),
        error=np.zeros(right.shape, dtype=np.bool_, order="F"),
        signals={"confidence": np.asfortranarray(knows)},
        specs={"confidence": SignalSpec(multiplier=1.0)},
    )


def run() -> list[tuple[str, float, str, bool]]:
    study = tune(log(), Options(name="bench", trials=20, policy="cascade"))
    best = max(study.test.models, key=MODELS.index)
    start = time.perf_counter()
    breakdown(study.policy, study.test, study.tune, best)
    report = render(as_json(study))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "bench.html"
        page.write_bytes(report.html)
        page.with_suffix(".md").write_bytes(report.markdown)
        seconds = time.perf_counter() - start
        megabytes = page.stat().st_size / 1e6
    return [
        ("report_100k_seconds", seconds, "<10", seconds < 10),
        ("report_100k_megabytes", megabytes, "<3", megabytes < 3),
    ]
