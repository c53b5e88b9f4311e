"""Which models a cascade may ask, and in which order: chains of rising cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log
from routelab.tuning.solvers.thresholds import ThresholdCandidates

MAX_STEPS = 3
MAX_CHAINS = 300


def chains(
    log: Log, thresholds: Mapping[str, ThresholdCandidates], steps: int = MAX_STEPS
) -> list[tuple[str, ...]]:
    """Chains of rising mean cost on a log; see `chains_of`."""
    return chains_of(log.models, log.cost_usd.mean(axis=0), thresholds, steps)


def chains_of(
    models: Sequence[str],
    mean_cost: Sequence[float] | Floats,
    thresholds: Mapping[str, ThresholdCandidates],
    steps: int = MAX_STEPS,
) -> list[tuple[str, ...]]:
    """Chains of rising mean cost, short ones first; long ones only while there are few.

    Args:
        thresholds: of each model; a model without thresholds comes last only.
    """
    names = [models[column] for column in np.argsort(mean_cost, kind="stable")]
    found: list[tuple[str, ...]] = []
    for length in range(2, steps + 1):
        fresh = [c for c in combinations(names, length) if all(thresholds[name] for name in c[:-1])]
        if length > 2 and len(found) + len(fresh) > MAX_CHAINS:
            break
        found += fresh
    return found
