"""A study of 100,000 requests, 5 models, 300 trials; what keeping trials and starts are worth."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.bench_report import MODELS, N, log
from routelab.core.catalogue import Catalogue
from routelab.logs.model import split
from routelab.metrics import hypervolume
from routelab.policies import Fixed
from routelab.replay import ComparisonSet, comparison_set
from routelab.tuning import Bounds, Floor, Options, tune
from routelab.tuning.kinds import Cascades
from routelab.tuning.objectives import FrontPoint, demands, front, score
from routelab.tuning.search import Plan, StorageLocation, search
from routelab.tuning.solvers import grid
from routelab.tuning.study import inputs

TRIALS = 300
SEEDS = (0, 1, 2)


def run() -> list[tuple[str, float, str, bool]]:
    whole = log(N)
    bounds = Bounds(min_quality_share=0.9, max_p95_s=8.0, floors=(Floor("task", 0.2),))
    start, worked = time.perf_counter(), time.process_time()
    tune(whole, Options(name="bench", trials=TRIALS, policy="cascade"))
    plain, worked = time.perf_counter() - start, time.process_time() - worked
    start = time.perf_counter()
    tune(whole, Options(name="bench", trials=TRIALS, bounds=bounds, policy="cascade"))
    bounded = time.perf_counter() - start
    tuning = comparison_set(
        whole, split(whole, seed=0, group=None), "tune", MODELS, catalogue=Catalogue(), seed=0
    )
    in_memory, kept = _per_trial(tuning)
    seeded, blind, tpe = _found(tuning)
    return [
        ("study_seconds", plain, "<60", plain < 60),
        ("study_processor_seconds", worked, "<60", worked < 60),
        ("study_with_bounds_seconds", bounded, "<60", bounded < 60),
        ("study_trial_ms", 1000 * in_memory, "<10", in_memory < 0.010),
        ("study_trial_kept_ms", 1000 * kept, "<20", kept < 0.020),
        ("study_hypervolume_vs_unseeded", seeded / blind, ">=1", seeded >= blind),
        ("study_hypervolume_vs_tpe_unseeded", seeded / tpe, ">=1", seeded >= tpe),
    ]


def _task(comparison: ComparisonSet) -> Cascades:
    wanted = demands(Bounds(), comparison, Fixed(MODELS[-1]), 1.0)
    return Cascades(comparison, inputs.thresholds(comparison.log, ["confidence"]), wanted)


def _per_trial(comparison: ComparisonSet) -> tuple[float, float]:
    """Seconds a trial takes, and one that a journal keeps."""
    task, plan = _task(comparison), Plan(TRIALS)
    start = time.perf_counter()
    search(task, plan)
    in_memory = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        search(task, plan, StorageLocation(str(Path(folder) / "trials.log"), "bench", {}))
        kept = time.perf_counter() - start
    return in_memory / TRIALS, kept / TRIALS


def _found(comparison: ComparisonSet) -> tuple[float, float, float]:
    """Median hypervolume of the front with starts, without, and of TPE without."""
    task = _task(comparison)
    thresholds = {name: task.thresholds["confidence", name] for name in MODELS}
    solved = [*grid.cascades(comparison.log, "confidence", thresholds), *map(Fixed, MODELS)]
    best = front(FrontPoint(policy, score(comparison, policy)) for policy in solved)
    picked = np.unique(np.linspace(0, len(best) - 1, 40).round().astype(int))
    starts = [task.params(best[i].policy) for i in picked]
    dearest = float(comparison.log.cost_usd.mean(axis=0).max()) * 1000

    def of(plan: Plan) -> float:
        cost, quality = zip(*(it.outcome.values for it in search(task, plan).trials), strict=True)
        return hypervolume(cost, quality, dearest, 0.0) / dearest

    return (
        statistics.median(of(Plan(TRIALS, seed, "nsga2", starts)) for seed in SEEDS),
        statistics.median(of(Plan(TRIALS, seed)) for seed in SEEDS),
        statistics.median(of(Plan(TRIALS, seed, "tpe")) for seed in SEEDS),
    )


if __name__ == "__main__":
    for name, value, target, _ in run():
        print(f"{name} {value:.4g} {target}")
