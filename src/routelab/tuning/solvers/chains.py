"""Chains of models that a cascade may ask, in the order of rising cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log
from routelab.tuning.solvers.thresholds import ThresholdCandidates

# Two thresholds at most, as a grid has a cell for every pair of them: 64 x 64 fit into one pass,
# a third threshold would leave 16 levels for each. Longer chains are left to the search.
MAX_STEPS = 3
"""Models of a chain that is solved on a grid, at most."""

# Every chain is a pass over the log: 12 models have 286 of two and three models, 13 have 364.
MAX_CHAINS = 300
"""Chains of all lengths beyond which no longer ones are added."""


def chains(
    log: Log, thresholds: Mapping[str, ThresholdCandidates], steps: int = MAX_STEPS
) -> list[tuple[str, ...]]:
    """Chains of rising mean cost on a log; see `chains_of`.

    Args:
        log: (n, m) outcomes, of which the mean costs are taken.
        thresholds: threshold candidates of each model; a model without any comes last only.
        steps: models of a chain, at most.
    """
    return chains_of(log.models, log.cost_usd.mean(axis=0), thresholds, steps)


def chains_of(
    models: Sequence[str],
    mean_cost: Sequence[float] | Floats,
    thresholds: Mapping[str, ThresholdCandidates],
    steps: int = MAX_STEPS,
) -> list[tuple[str, ...]]:
    """Chains of rising mean cost, short ones first; long ones only while there are few.

    Args:
        models: (m,) names.
        mean_cost: (m,) of a call of each, in any unit.
        thresholds: threshold candidates of each model; a model without any comes last only.
        steps: models of a chain, at most.
    """
    names = [models[column] for column in np.argsort(mean_cost, kind="stable")]
    listed: list[tuple[str, ...]] = []
    for length in range(2, steps + 1):
        fresh = [c for c in combinations(names, length) if all(thresholds[name] for name in c[:-1])]
        if length > 2 and len(listed) + len(fresh) > MAX_CHAINS:
            break
        listed += fresh
    return listed
