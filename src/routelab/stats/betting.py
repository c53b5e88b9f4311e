"""Betting against a mean: p-values and confidence limits that hold at every sample size.

To test "the mean is at least c", a gambler stakes a share of her capital before each group
is seen, and wins where its values are below c. If the mean is at least c she cannot expect
to win, so her capital exceeds 1 / delta at any time with probability delta at most (Ville's
inequality). How much she stakes follows from the groups already seen, never from the next.

Source: Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by betting",
JRSS B 86(1): the capital process of a one-sided bet, with predictable plug-in stakes.
"""

from __future__ import annotations

import math

import numpy as np

from routelab.core import Floats
from routelab.stats.bounded_sums import BoundedSums

MOST = 0.75
"""Share of the capital that one group can lose at most."""

_HALVINGS = 50


def p_value(sample: BoundedSums, bound: float, delta: float) -> float:
    """P-value of "the mean exceeds `bound`" (or equals it), exact at every sample size.

    One over the largest capital reached. It never rises with the bound.

    Args:
        bound: in units of the values.
        delta: level at which the stakes are at their best; the p-value is valid at any.
    Raises:
        ValueError: a bound that is no number, or delta outside (0, 1).
    """
    _check(bound, delta)
    if bound <= sample.low:
        return 1.0
    if bound >= sample.high:
        return 0.0
    return float(math.exp(-max(0.0, _most(sample, bound, _stakes(sample, delta)))))


def upper(sample: BoundedSums, delta: float) -> float:
    """Upper confidence limit of the mean: the least bound whose p-value is delta or less.

    It is the end of a confidence sequence: the mean lies below the limits at all sample
    sizes at once with probability 1 - delta or more.

    Raises:
        ValueError: delta outside (0, 1).
    """
    _check(sample.low, delta)
    stakes, goal = _stakes(sample, delta), math.log(1.0 / delta)
    low, high = sample.low, sample.high
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2.0
        if not low < middle < high:
            break
        reached = _most(sample, middle, stakes) >= goal
        low, high = (low, middle) if reached else (middle, high)
    return high


def lower(sample: BoundedSums, delta: float) -> float:
    """Lower confidence limit of the mean; see `upper`."""
    return -upper(sample.negated, delta)


def log_capital(sample: BoundedSums, bound: float, delta: float) -> Floats:
    """(G,) logarithm of the capital after each group, beginning from 0.

    Args:
        bound: inside the range of the values.
    """
    return _path(sample, bound, _stakes(sample, delta))


def _most(sample: BoundedSums, bound: float, stakes: Floats) -> float:
    return float(_path(sample, bound, stakes).max())


def _path(sample: BoundedSums, bound: float, stakes: Floats) -> Floats:
    """Capital is multiplied by 1 - stake * (sum - size * bound), which stays above 1 - MOST.

    The cap on the stakes moves with the bound in such a way that the capital never falls
    when the bound rises, so p-values and limits agree.
    """
    cap = MOST / (sample.largest * (sample.high - bound))
    excess = sample.sums - sample.sizes * bound
    return np.cumsum(np.log1p(-np.minimum(stakes, cap) * excess))


def _stakes(sample: BoundedSums, delta: float) -> Floats:
    """(G,) the stake on each group, from those before it.

    sqrt(2 log(1 / delta) / (G s^2)), with s the standard deviation seen so far of a sum around
    its size times the mean seen so far; before anything is seen s is half the range.
    """
    groups = np.arange(1.0, len(sample) + 1.0)
    start = (sample.largest * (sample.high - sample.low) / 2.0) ** 2
    middle = (sample.low + sample.high) / 2.0
    mean = (middle + np.cumsum(sample.sums)) / (1.0 + np.cumsum(sample.sizes))
    seen = start + np.cumsum((sample.sums - mean * sample.sizes) ** 2)
    variance = np.concatenate([[start], (seen / (groups + 1.0))[:-1]])
    return np.asarray(np.sqrt(2.0 * math.log(1.0 / delta) / (len(sample) * variance)))


def _check(bound: float, delta: float) -> None:
    if math.isnan(bound):
        raise ValueError("bound is NaN; it must be a number")
    if not 0.0 < delta < 1.0:
        raise ValueError(f"delta is {delta}; it must lie between 0 and 1")
