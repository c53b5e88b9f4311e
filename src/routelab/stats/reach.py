"""How many groups a bet needs until it can be expected to certify a bound.

The logarithm of the capital is taken for a Brownian motion with drift, whose chance to reach
a level before a time is known in closed form (the inverse Gaussian distribution).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from routelab.stats.betting import MOST
from routelab.stats.bounded_sums import BoundedSums

POWER = 0.8
"""The chance to pass that a number of requests is asked for."""

_NORMAL = NormalDist()
_LIMIT = 10**12
_THROUGH = (np.arange(64.0) + 0.5) / 64.0
"""Moments of a test, as shares of its groups: the stakes grow while variance is learned."""


def rows_to_certify(sample: BoundedSums, bound: float, delta: float) -> int | None:
    """Rows with which "the mean is at most `bound`" would pass at level delta, 4 times of 5.

    The mean, the variance and the sizes of groups are taken to stay where they are.

    Args:
        sample: what was seen.
        bound: in units of the sample's values.
        delta: of the test, in (0, 1).
    Returns:
        None if no number of rows would do: the mean is not below the bound.
    """
    found = sample.estimate
    size = float(sample.sizes.sum()) / len(sample)
    margin = (bound - found.mean) * size
    if margin <= 0.0 or bound <= sample.low:
        return None
    error = 0.0 if math.isnan(found.error) else found.error
    spread = error * size * math.sqrt(len(sample))
    cap = MOST / (sample.largest * (sample.high - bound)) if bound < sample.high else math.inf
    start = sample.largest * (sample.high - sample.low) / 2.0
    level = math.log(1.0 / delta)

    def chance(groups: int) -> float:
        learned = spread**2 + start**2 / (groups * _THROUGH)
        stakes = np.minimum(np.sqrt(2.0 * level / (groups * learned)), cap)
        gain, noise = float(stakes.mean()) * margin, math.sqrt(float((stakes**2).mean())) * spread
        return _reaches(level, groups, gain, noise)

    groups = _first(chance)
    return None if groups is None else math.ceil(groups * size)


def _reaches(level: float, steps: int, gain: float, noise: float) -> float:
    """Chance that a walk reaches the level; each step multiplies a capital by 1 + gain +- noise.

    Source: Siegmund 1985, "Sequential Analysis", section 3.2.
    """
    drift = math.log1p(gain) - noise**2 / 2.0
    if noise == 0.0:
        return float(drift * steps >= level)
    width = noise * math.sqrt(steps)
    straight = _NORMAL.cdf((drift * steps - level) / width)
    exponent = 2.0 * drift * level / noise**2
    back = _NORMAL.cdf((-drift * steps - level) / width)
    return min(1.0, straight + (math.exp(exponent) * back if back > 0.0 else 0.0))


def _first(chance: Callable[[int], float]) -> int | None:
    """The least number of groups at which the chance is `POWER`, by doubling and halving."""
    high = 1
    while chance(high) < POWER:
        high *= 2
        if high > _LIMIT:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if chance(middle) >= POWER else (middle, high)
    return high
