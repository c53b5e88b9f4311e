"""Cascades by brute force: every chain of two or three models and a grid of thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from routelab.metrics import hull
from routelab.policies import Cascade
from routelab.replay import ComparisonSet

LEVELS = {2: 20, 3: 7}
"""Thresholds of each model but the last, by length of the chain: quantiles of its confidence."""


def best_cascades(learn: ComparisonSet) -> list[Cascade]:
    """For each signal, the cascades on the hull of all on these rows."""
    found = []
    for signal in learn.log.signals:
        tried = [*_chains(learn, signal)]
        replays = [learn.replay(policy) for policy in tried]
        cost = [it.cost_usd.mean() for it in replays]
        quality = [it.quality.mean() for it in replays]
        if not tried:
            continue
        vertices = {*zip(*(it.tolist() for it in hull(cost, quality)), strict=True)}
        found += [
            policy
            for policy, *point in zip(tried, cost, quality, strict=True)
            if tuple(map(float, point)) in vertices
        ]
    return found


def _chains(learn: ComparisonSet, signal: str) -> Iterator[Cascade]:
    log = learn.log
    rising = np.argsort(log.cost_usd.mean(axis=0), kind="stable")
    values = log.signals[signal]
    for length, levels in LEVELS.items():
        for chain in combinations(rising.tolist(), length):
            asked = values[:, chain[:-1]]
            if not np.isfinite(asked).any(axis=0).all():
                continue
            steps = [
                np.unique(np.nanquantile(column, np.linspace(0, 1, levels), method="higher"))
                for column in asked.T
            ]
            names = tuple(log.models[at] for at in chain)
            for thresholds in np.array(np.meshgrid(*steps)).reshape(length - 1, -1).T:
                yield Cascade(names, tuple(thresholds.tolist()), signal)
