"""10,000,000 logged decisions valued with SNDR and its interval, apart from making them."""

from __future__ import annotations

import resource
import time

import numpy as np

from benchmarks.estimators.worlds import logged, truth
from routelab.estimators import SNDR, LoggedDecisions, TargetDecisions, estimator

ROWS, MODELS, TASKS, EPSILON = 10_000_000, 4, 16, 0.2
REPETITIONS = 60


def _log() -> tuple[LoggedDecisions, TargetDecisions]:
    """A log of an exploring policy, made in place so that little memory is needed."""
    rng = np.random.default_rng(0)
    task = rng.integers(0, TASKS, ROWS, dtype=np.int64)
    model = rng.integers(0, MODELS, ROWS, dtype=np.int8)
    model[rng.random(ROWS, dtype=np.float32) >= EPSILON] = 0
    quality = (rng.random(ROWS, dtype=np.float32) < 0.5 + 0.1 * model).astype(np.float64)
    share = EPSILON / MODELS
    chance = np.where(model == 0, 1 - EPSILON + share, share)
    log = LoggedDecisions.of_choices(
        ("a", "b", "c", "d"), model, chance, quality, task=task.astype(np.int16)
    )
    return log, TargetDecisions((task % MODELS).astype(np.int8))


def _prefix_gain() -> float:
    """RMSE of IPS over that of prefix-weighted IPS, on cascades that mostly went on."""
    errors: dict[str, list[float]] = {"ips": [], "prefix-ips": []}
    for seed in range(REPETITIONS):
        log, target = logged("cascade, audited", 2000, seed)
        for name, found in errors.items():
            value = estimator(name).value(log, target).value
            assert value is not None
            found.append(value - truth("cascade, audited"))
    plain, prefix = (float(np.sqrt(np.mean(np.square(it)))) for it in errors.values())
    return plain / prefix


def run() -> list[tuple[str, float, str, bool]]:
    log, target = _log()
    start = time.process_time()  # one thread: what other programs take of the machine is not in it
    found = SNDR().value(log, target)
    took = time.process_time() - start
    assert found.ci is not None
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    del log, target
    gain = _prefix_gain()
    return [
        ("sndr_10m_rows_processor_s", took, "<=10", took <= 10.0),
        ("sndr_10m_rows_peak_gb", peak_gb, "<=2", peak_gb <= 2.0),
        ("prefix_ips_rmse_gain", gain, ">=2", gain >= 2.0),
    ]
