"""Every threshold vector from one pass, beside the usual scan of one vector at a time."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks import eight_models
from benchmarks.bench_replay import log, naive
from benchmarks.stopwatch import seconds
from routelab.logs import Log
from routelab.metrics import pareto
from routelab.policies import Cascade
from routelab.replay.cells import Chain, Levels, Spec, Totals, kernel
from routelab.tuning.solvers import chains, local_search
from routelab.tuning.solvers.grid import best, of_chain
from routelab.tuning.study import inputs

REPEATS = 5


def run() -> list[tuple[str, float, str, bool]]:
    over = log()
    pairs, faster = grid(over.only(("a", "b", "c")), 256)
    triples, _ = grid(over, 101)
    took, share = ladder()
    return [
        ("grid_256x256_of_1m_requests_s", pairs, "<0.6", pairs < 0.6),
        ("grid_256x256_faster_than_scan_per_vector", faster, ">=500", faster >= 500),
        ("grid_101x101x101_of_1m_requests_s", triples, "<2", triples < 2),
        ("eight_models_s", took, "<10", took < 10),
        ("eight_models_share_of_best_known_hypervolume", share, ">=0.995", share >= 0.995),
    ]


def ladder() -> tuple[float, float]:
    """Seconds to the front of eight models, and its share of the best known hypervolume."""
    over = eight_models.log()
    start = time.perf_counter()
    thresholds = inputs.thresholds(over, ("sure",))
    of = {name: thresholds["sure", name] for name in over.models}
    found = [
        *(one for chain in chains(over, of) for one in of_chain(over, "sure", chain, of)),
        *local_search.found(over, "sure", of),
    ]
    front = best(found)
    took = time.perf_counter() - start
    return took, eight_models.volume(over, front) / eight_models.BEST_KNOWN


def grid(over: Log, count: int) -> tuple[float, float]:
    """Seconds to every vector and their front, and how much less than a scan a vector takes."""
    models = over.models
    levels = tuple(Levels((np.arange(count) + 0.5) / count) for _ in models[:-1])
    chain = Chain(models, levels)
    spec = Spec("confidence", (chain,))

    def every() -> Totals:
        totals = kernel(over, spec).totals(chain)
        pareto(totals.cost_usd.ravel(), totals.quality.ravel())
        return totals

    totals = every()
    rng = np.random.default_rng(0)
    scans = []
    for _ in range(10):
        index = tuple(int(it) for it in rng.integers(0, count, len(levels)))
        values = tuple(float(it.values[i]) for it, i in zip(levels, index, strict=True))
        policy = Cascade(models, values, "confidence")
        scans.append(seconds(naive, policy, over))
        quality, cost = naive(policy, over)
        assert np.isclose(totals.quality[(0, *index)], quality.sum(), rtol=1e-12)
        assert np.isclose(totals.cost_usd[(0, *index)], cost.sum(), rtol=1e-12)
    ours = statistics.median(seconds(every) for _ in range(REPEATS))
    return ours, statistics.median(scans) / (ours / chain.vectors)


if __name__ == "__main__":
    for name, value, target, ok in run():
        print(name, f"{value:.3g}", target, "ok" if ok else "below")
