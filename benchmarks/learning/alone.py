"""What few rows say of models alone: `python -m benchmarks.learning.alone`.

A study that routes nothing exports the zero router as the rows given show it: the model, or the
mixture of two, of least cost at 98 % of the best model's quality. Counted is how often that is
below the zero router of the rows that nothing was learned from, by more than `SLACK`.
"""

from __future__ import annotations

import numpy as np

from benchmarks.learning.judge import comparable
from benchmarks.learning.table import SLACK
from benchmarks.learning.worlds import WORLDS
from routelab.metrics import hull, value_at
from routelab.policies import Fixed, Mixture
from routelab.tuning import Bounds
from routelab.tuning.objectives import FrontPoint, PolicyScore, front, operating_points

LOGS = ("routerbench", "gym7", "mmlu_pro")
SIZES, DRAWS = (80, 160, 300), 200
"""Rows learned from: four fifths of 100, of 200 and of 375."""


def shares(cost: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """(m,) share of requests of each model in what is exported, by (n, m) outcomes."""
    names = [str(it) for it in range(cost.shape[1])]
    alone = [
        FrontPoint(Fixed(name), PolicyScore(1000.0 * usd, worth))
        for name, usd, worth in zip(names, cost.mean(axis=0), quality.mean(axis=0), strict=True)
    ]
    best = max(alone, key=lambda it: (it.score.quality, -it.score.usd_per_1k))
    policy = operating_points(front(alone), Bounds(), best, alone)[0].point.policy
    parts = {policy: 1.0}
    if isinstance(policy, Mixture):
        parts = {policy.first: policy.weight, policy.second: 1.0 - policy.weight}
    return np.array([parts.get(it.policy, 0.0) for it in alone])


def below(cost: np.ndarray, quality: np.ndarray, n: int) -> float:
    """Share of draws of n rows in which it is below on half of the others, or all."""
    count = 0
    for draw in range(DRAWS):
        order = np.random.default_rng(1000 + draw).permutation(len(cost))
        here, there = order[:n], order[max(n, len(order) // 2) :]
        taken = shares(cost[here], quality[here])
        usd, worth = cost[there].mean(axis=0), quality[there].mean(axis=0)
        zero = value_at(float(taken @ usd), hull(usd, worth)).item()
        count += float(taken @ worth) - zero < -SLACK
    return count / DRAWS


def main() -> None:
    print(f"| log | {' | '.join(f'{n} rows' for n in SIZES)} |\n|{' --- |' * (len(SIZES) + 1)}")
    for name in LOGS:
        world = WORLDS[name]()
        fixed = comparable(world, world.log).fixed()
        cost = np.column_stack([it.cost_usd for it in fixed])
        quality = np.column_stack([it.quality for it in fixed])
        told = [f"{below(cost, quality, n):.2f}" if 2 * n < len(cost) else "-" for n in SIZES]
        print(f"| {name} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
