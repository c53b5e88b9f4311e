"""Which models a cascade may ask, and in which order: chains of rising cost."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from routelab.logs.log import Log
from routelab.tuning.dial import Dial

MAX_STEPS = 3
MAX_CHAINS = 300


def chains(log: Log, dials: Mapping[str, Dial], steps: int = MAX_STEPS) -> list[tuple[str, ...]]:
    """Chains of rising mean cost, short ones first; long ones only while there are few.

    Args:
        dials: of each model; a model without thresholds comes last only.
    """
    order = np.argsort(log.cost_usd.mean(axis=0), kind="stable")
    names = [log.models[column] for column in order]
    found: list[tuple[str, ...]] = []
    for length in range(2, steps + 1):
        fresh = [c for c in combinations(names, length) if all(dials[name] for name in c[:-1])]
        if length > 2 and len(found) + len(fresh) > MAX_CHAINS:
            break
        found += fresh
    return found
