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
_ROUGH = 1.3
"""How far the walk is off the bet that it stands for, as a factor."""
_LEADING = tuple(2.0 * it / (1.0 + it) for it in SHARES)
"""Of the first capital, what stands behind the leading gambler: the others win with him."""
_LIMIT = 10**12
_PARTS = 256
"""Groups in order, of which each part is taken at its mean."""
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


def rows_needed(sample: BoundedSums, bound: float, delta: float) -> RowsNeeded:
    """Rows with which "the mean is at most `bound`" would pass at level delta, 4 times of 5.

    The bet is that of `routelab.stats.wealth`. The mean, the variance and the sizes of groups are
    taken to stay where they are, and a range says how far that may be off; None where no number of
    rows would do, since the mean is not below the bound.

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
    size = float(sample.sizes.sum()) / len(sample)
    mean = max(sample.low, sample.estimate.mean + shift)
    if mean >= bound or bound <= sample.low:
        return None
    if bound >= sample.high:
        return 1
    cap = MOST / (sample.largest * (sample.high - bound))
    start = sample.largest * (sample.high - sample.low) / 2.0
    excess, weight = _shifted(sample, bound, shift, size)
    around = excess - float(weight @ excess)
    alike = excess.max() - excess.min() < 1e-12 * start  # means of equal sums are rounded
    variance = 0.0 if alike else float(weight @ around**2)

    def growth(groups: int, horizon: float) -> tuple[float, float]:
        """Mean and spread of what a group adds to the logarithm of a gambler's capital."""
        learned = variance + start**2 / (groups * _THROUGH)
        stakes = np.minimum(np.sqrt(2.0 * math.log(10.0) / (horizon * learned)), cap)
        if variance == 0.0:
            return float(np.log1p(-stakes * excess[0]).mean()), 0.0
        adds = np.log1p(-stakes.mean() * excess)
        drift = float(weight @ adds)
        return drift, math.sqrt(float(weight @ (adds - drift) ** 2))

    def chance(groups: int) -> float:
        each = [growth(groups, it) for it in HORIZONS]
        if variance == 0.0:  # nothing is left to chance
            capital = np.logaddexp.reduce(np.log(SHARES) + groups * np.array(each)[:, 0])
            return float(capital >= math.log(1.0 / delta))
        levels = [math.log(1.0 / (delta * it)) for it in _LEADING]
        return max(_reaches(it, groups, *one) for it, one in zip(levels, each, strict=True))

    groups = _first(chance)
    return None if groups is None else math.ceil(groups * size)


def _shifted(sample: BoundedSums, bound: float, shift: float, size: float) -> tuple[Floats, Floats]:
    """Sums of groups minus their size times the bound, and how likely each is.

    A mean that is higher than the one seen is so by rows that were too rare to be seen, half of
    the range above it; one that is lower is so by all rows alike.
    """
    order = np.sort(sample.sums - sample.sizes * bound)
    parts = np.array_split(order, min(_PARTS, len(order)))
    excess = np.array([it.mean() for it in parts])
    weight = np.array([float(len(it)) for it in parts]) / len(order)
    if shift <= 0.0:
        return np.maximum(excess + shift * size, size * (sample.low - bound)), weight
    mean = sample.estimate.mean
    value = min(sample.high, mean + (sample.high - sample.low) / 2.0)
    rare = min(1.0, shift / (value - mean)) if value > mean else 1.0
    return np.append(excess, size * (value - bound)), np.append((1.0 - rare) * weight, rare)


def _reaches(level: float, steps: int, drift: float, noise: float) -> float:
    """Chance that a walk reaches the level, each step of which has this mean and spread.

    Source: Siegmund 1985, "Sequential Analysis", section 3.2.
    """
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
