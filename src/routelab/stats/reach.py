"""How many groups a bet needs until it can be expected to certify a bound.

The logarithm of the capital is taken for a Brownian motion with drift, whose chance to reach
a level before a time is known in closed form (the inverse Gaussian distribution).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.stats.bounded_sums import BoundedSums
from routelab.stats.wealth import HORIZONS, MOST, SHARES

POWER = 0.8
"""The chance to pass that a number of requests is asked for."""

_NORMAL = NormalDist()
_WITHIN = _NORMAL.inv_cdf(0.9)
"""Standard errors on either side of a mean, between which it lies 4 times of 5."""
_ROUGH = 1.25
"""How far the walk is off the bet that it stands for, as a factor."""
_LEADING = tuple(2.0 * it / (1.0 + it) for it in SHARES)
"""Of the first capital, what stands behind the leading gambler: the others win with him."""
_LIMIT = 10**12
_THROUGH = (np.arange(256.0) + 0.5) / 256.0
"""Moments of a test, as shares of its groups: the stakes grow while variance is learned."""


class RowsNeeded(NamedTuple):
    """Rows with which a bet would pass 4 times of 5.

    Attributes:
        rows: if the mean stays where it is; None if no number would do.
        low, high: between which the number lies 4 times of 5, for the mean is known as well as the
            rows seen tell it; `high` is None where no number may do.
    """

    rows: int | None
    low: int | None
    high: int | None


def rows_to_certify(sample: BoundedSums, bound: float, delta: float) -> int | None:
    """Rows with which "the mean is at most `bound`" would pass at level delta, 4 times of 5.

    The bet is that of `routelab.stats.wealth`. The mean, the variance and the sizes of groups are
    taken to stay where they are.

    Args:
        sample: what was seen.
        bound: in units of the sample's values.
        delta: of the test, in (0, 1).
    Returns:
        None if no number of rows would do: the mean is not below the bound.
    """
    return _rows(sample, bound, delta, 0.0)


def rows_needed(sample: BoundedSums, bound: float, delta: float) -> RowsNeeded:
    """The same, with how far it may be off.

    Args:
        sample: what was seen.
        bound: in units of the sample's values.
        delta: of the test, in (0, 1).
    """
    found = sample.estimate
    error = 0.0 if math.isnan(found.error) else found.error
    # Where all groups are alike their spread is no evidence that the next one is too.
    unseen = (sample.high - sample.low) / (2.0 * (len(sample) + 1.0))
    off = _WITHIN * math.hypot(error, unseen)
    least, most = _rows(sample, bound, delta, -off), _rows(sample, bound, delta, off)
    return RowsNeeded(
        _rows(sample, bound, delta, 0.0),
        None if least is None else max(1, math.floor(least / _ROUGH)),
        None if most is None else math.ceil(most * _ROUGH),
    )


def _rows(sample: BoundedSums, bound: float, delta: float, shift: float) -> int | None:
    """Rows needed if the true mean is the one seen plus a shift."""
    found = sample.estimate
    size = float(sample.sizes.sum()) / len(sample)
    margin = (bound - max(sample.low, found.mean + shift)) * size
    if margin <= 0.0 or bound <= sample.low:
        return None
    error = 0.0 if math.isnan(found.error) else found.error
    # What moves the mean comes with a variance of its own: rows at the far end of the range.
    moved = shift * (sample.high - sample.low) / 2.0
    variance = error**2 * len(sample)
    spread = size * math.sqrt(max(variance / 4.0, variance + moved))
    cap = MOST / (sample.largest * (sample.high - bound)) if bound < sample.high else math.inf
    start = sample.largest * (sample.high - sample.low) / 2.0

    def stakes_of(groups: int, horizon: float) -> Floats:
        learned = spread**2 + start**2 / (groups * _THROUGH)
        return np.minimum(np.sqrt(2.0 * math.log(10.0) / (horizon * learned)), cap)

    def of_gambler(groups: int, horizon: float, share: float) -> float:
        stakes = stakes_of(groups, horizon)
        gain, noise = float(stakes.mean()) * margin, math.sqrt(float((stakes**2).mean())) * spread
        return _reaches(math.log(1.0 / (delta * share)), groups, gain, noise)

    def chance(groups: int) -> float:
        if spread == 0.0:  # nothing is left to chance
            growth = [np.log1p(stakes_of(groups, it) * margin).mean() for it in HORIZONS]
            capital = np.logaddexp.reduce(np.log(SHARES) + groups * np.array(growth))
            return float(capital >= math.log(1.0 / delta))
        return max(of_gambler(groups, *it) for it in zip(HORIZONS, _LEADING, strict=True))

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
