"""Eight models on 20,000 requests, and how the best known front of their cascades was found.

`python -m benchmarks.eight_models` tries every chain of every length at 48 prices from three
starts each, and follows each along every threshold; it takes some minutes.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from routelab.core import SignalSpec
from routelab.logs import Log, Requests
from routelab.metrics import hypervolume
from routelab.tuning.solvers import local_search, threshold_candidates
from routelab.tuning.solvers.grid import GridCascade, best

N, MODELS = 20_000, tuple(f"m{rank}" for rank in range(8))

BEST_KNOWN = 640_458.782114614
"""Hypervolume of the front that `search` finds, in USD times quality summed over requests."""


def log(seed: int = 0) -> Log:
    """Models of rising skill and price, whose confidence knows a little of both."""
    rng = np.random.default_rng(seed)
    shape = N, len(MODELS)
    hard, skill = rng.normal(size=(N, 1)), np.linspace(-0.8, 1.8, len(MODELS))
    quality = (0.7 * rng.normal(size=shape) + skill > hard).astype(np.float64)
    cost = 1e-5 * 2.2 ** np.arange(len(MODELS)) * rng.lognormal(0.0, 0.3, shape)
    seen = 1.2 * (skill - hard) + 0.8 * (quality - 0.5) + 0.8 * rng.normal(size=shape)
    unseen = np.full(shape, np.nan)
    return Log(
        requests=Requests(np.array([f"r{i}" for i in range(N)], dtype=object)),
        models=MODELS,
        quality=np.asfortranarray(quality),
        cost_usd=np.asfortranarray(cost),
        latency_s=unseen,
        prompt_tokens=unseen,
        completion_tokens=unseen,
        error=np.zeros(shape, dtype=np.bool_, order="F"),
        signals={"sure": np.asfortranarray(1.0 / (1.0 + np.exp(-seen)))},
        specs={"sure": SignalSpec(multiplier=1.0)},
    )


def volume(over: Log, found: list[GridCascade]) -> float:
    """Hypervolume up to the dearest model's cost and the cheapest one's quality."""
    cost, quality = over.cost_usd.sum(axis=0), over.quality.sum(axis=0)
    return hypervolume(
        [one.cost for one in found],
        [one.quality for one in found],
        float(cost.max()),
        float(quality[cost.argmin()]),
    )


def search() -> float:
    """The most that is known."""
    over = log()
    candidates = [threshold_candidates(over.signals["sure"][:, at]) for at in range(len(MODELS))]
    chains = [it for k in range(2, 9) for it in combinations(range(len(MODELS)), k)]
    mean = over.cost_usd.mean(axis=0)
    found: list[GridCascade] = []
    for price in [*np.geomspace(1.0 / mean.min(), 0.01 / mean.max(), 47), 0.0]:
        rows = local_search.PricedRows(over, "sure", candidates, [True] * len(MODELS), float(price))
        for chain in chains:
            for share in (0.25, 0.5, 0.75):
                starts = (
                    candidates[at].thresholds[int(share * len(candidates[at].thresholds))]
                    for at in chain[:-1]
                )
                solved = rows.ascend(chain, tuple(map(float, starts)), sweeps=12)
                found += rows.point(solved)
        found = best(found)
    # Lines are followed from the points that are left: there are thousands of the others.
    rows = local_search.PricedRows(over, "sure", candidates, [True] * len(MODELS), 0.0)
    for one in list(found):
        models = tuple(MODELS.index(name) for name in one.policy.models)
        line = rows.along(local_search.SolvedCascade(models, one.policy.thresholds, 0.0))
        found = best([*found, *line])
    return volume(over, found)


if __name__ == "__main__":
    print(search())
