"""Replay of a 4-model cascade on 1,000,000 requests, against a bare scan.

The scan knows no failed calls, missing signals, capabilities, latencies or call counts.
"""

from __future__ import annotations

import statistics

import numpy as np

from benchmarks.stopwatch import seconds
from routelab.core import SignalSpec
from routelab.logs import Log, Requests
from routelab.policies import Cascade
from routelab.replay import run as replay

N, MODELS = 1_000_000, ("a", "b", "c", "d")
POLICY = Cascade(MODELS, (0.4, 0.5, 0.6), "confidence")


def log(n: int = N, seed: int = 0) -> Log:
    """Independent uniform outcomes; a call with the signal costs three times as much."""
    rng = np.random.default_rng(seed)

    def column() -> np.ndarray:
        return np.asfortranarray(rng.random((n, len(MODELS))))

    ids = np.array([f"r{i}" for i in range(n)], dtype=object)
    return Log(
        requests=Requests(ids),
        models=MODELS,
        quality=column(),
        cost_usd=column(),
        latency_s=column(),
        prompt_tokens=column(),
        completion_tokens=column(),
        error=np.zeros((n, len(MODELS)), dtype=np.bool_, order="F"),
        signals={"confidence": column()},
        specs={"confidence": SignalSpec(multiplier=3.0)},
    )


def naive(policy: Cascade, over: Log) -> tuple[np.ndarray, np.ndarray]:
    """Quality and cost by numpy over whole columns: the usual way to write it."""
    rows = np.arange(len(over))
    confident = np.column_stack(
        [over.signals["confidence"][:, i] >= t for i, t in enumerate(policy.thresholds)]
        + [np.ones(len(over), dtype=bool)]
    )
    stop = confident.argmax(axis=1)
    paid = np.hstack([3.0 * over.cost_usd[:, :-1], over.cost_usd[:, -1:]])
    return over.quality[rows, stop], np.cumsum(paid, axis=1)[rows, stop]


def run() -> list[tuple[str, float, str, bool]]:
    over = log()
    result = replay(POLICY, over)
    quality, cost = naive(POLICY, over)
    assert np.array_equal(quality, result.quality)
    assert np.allclose(cost, result.cost_usd, rtol=1e-12)
    ours = statistics.median(seconds(replay, POLICY, over) for _ in range(7))
    theirs = statistics.median(seconds(naive, POLICY, over) for _ in range(7))
    decisions = int(result.calls.sum()) / ours / 1e6
    return [
        ("replay_4_models_mdecisions_per_s", decisions, ">=20", decisions >= 20),
        ("replay_4_models_ratio_to_bare_numpy_scan", theirs / ours, ">=0.5", theirs >= 0.5 * ours),
    ]
