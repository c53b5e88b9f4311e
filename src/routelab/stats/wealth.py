"""Wealth of a bet without an end: what it proves holds at every look at data that grow.

It is `routelab.stats.betting` with stakes that depend on no number of groups to come: several
gamblers bet side by side, each with the stakes that would be best if a given number of groups
were all there will be. Their mean capital is one that cannot be expected to grow either, and it
is nearly as large as that of the luckiest of them. It depends on neither the level of the test
nor the end of the data, so that it may be stored, and gone on with when more groups have come.

Source: Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by betting",
JRSS B 86(1), section 4 (bets that are hedged); Ville 1939.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from routelab.core import Floats
from routelab.stats.bounded_sums import BoundedSums

HORIZONS = (150.0, 3_000.0, 25_000.0, 300_000.0)
"""Groups that each gambler's stakes are best for."""
SHARES = (0.32, 0.50, 0.15, 0.03)
"""Of the first capital, for each gambler: most tests are of some thousand groups."""

MOST = 0.97
"""Share of the capital that one group can lose at most."""

_LEVEL = 2.0 * math.log(10.0)
"""In the stakes: of a test at .1. A constant, for the level may be another at every look."""
_HALVINGS = 50


@dataclass(frozen=True)
class Wealth:
    """What bets on some groups have come to; all that is needed to go on.

    Attributes:
        groups, rows: bet on so far.
        total: sum of their values.
        squares: of the groups' sums around their size times the mean seen before, with what stands
            for it before anything is seen.
        capitals: (k,) logarithms, of each gambler.
        peak: logarithm of the largest mean capital so far; 0 or more.
    """

    groups: int = 0
    rows: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    capitals: tuple[float, ...] = tuple(math.log(it) for it in SHARES)
    peak: float = 0.0

    @property
    def p_value(self) -> float:
        """One over the largest mean capital reached: exact, whenever one looks."""
        return math.exp(-self.peak)


BEGINNING = Wealth()
"""Before the first group."""


def advanced(sample: BoundedSums, bound: float, start: Wealth = BEGINNING) -> Wealth:
    """The wealth after bets that the mean is below a bound, on groups in the order of the sample.

    Args:
        sample: groups that came after those of `start`, of the same range and largest size.
        bound: inside the range of the values, and the same at every look.
        start: what came of earlier groups.
    Raises:
        ValueError: a bound outside the range.
    """
    if not sample.low < bound < sample.high:
        raise ValueError(
            f"bound is {bound}; it must lie inside the range ({sample.low:g}, {sample.high:g})"
        )
    return _advanced(sample, bound, start, *_stakes(sample, start))


def p_value(sample: BoundedSums, bound: float) -> float:
    """P-value of "the mean is `bound` or more", exact at every sample size and at every look.

    It never rises with the bound, nor as groups are added at the end.

    Args:
        sample: groups in the order in which they came.
        bound: in units of the values.
    Raises:
        ValueError: a bound that is no number.
    """
    if math.isnan(bound):
        raise ValueError("bound is NaN; it must be a number")
    if bound <= sample.low:
        return 1.0
    if bound >= sample.high:
        return 0.0
    return advanced(sample, bound).p_value


def upper(
    sample: BoundedSums, delta: float, start: Wealth = BEGINNING, bound: float | None = None
) -> float:
    """Upper limit of the mean that holds at all looks at once, with probability 1 - delta or more.

    Args:
        sample: groups in the order in which they came.
        delta: chance that the mean is above the limit at any look, in (0, 1).
        start: what came of earlier groups; then the limit is above the least one that they and
            these groups allow, as no more than their wealth is known.
        bound: that the wealth was bet at; needed with `start`.
    Raises:
        ValueError: delta outside (0, 1), or a start without its bound.
    """
    if not 0.0 < delta < 1.0:
        raise ValueError(f"delta is {delta}; it must lie between 0 and 1")
    if start.groups and bound is None:
        raise ValueError("bound is None; the wealth of earlier groups was bet at one")
    stakes, squares = _stakes(sample, start)
    goal, high = math.log(1.0 / delta), sample.high
    # Capital never falls when the bound rises, so that the one stored stands for all above it.
    low = sample.low if bound is None or not start.groups else bound
    if low > sample.low and _advanced(sample, low, start, stakes, squares).peak >= goal:
        return low
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2.0
        if not low < middle < high:
            break
        reached = _advanced(sample, middle, start, stakes, squares).peak >= goal
        low, high = (low, middle) if reached else (middle, high)
    return high


def lower(sample: BoundedSums, delta: float) -> float:
    """Lower limit of the mean; see `upper`."""
    return -upper(sample.negated, delta)


def _advanced(
    sample: BoundedSums, bound: float, start: Wealth, stakes: Floats, squares: float
) -> Wealth:
    # The cap moves with the bound so that no factor falls when the bound rises: p-values and
    # limits agree.
    cap = MOST / (sample.largest * (sample.high - bound))
    excess = sample.sums - sample.sizes * bound
    paths = np.cumsum(np.log1p(-np.minimum(stakes, cap) * excess), axis=1)
    paths += np.array(start.capitals)[:, None]
    together = np.logaddexp.reduce(paths, axis=0)
    return replace(
        start,
        groups=start.groups + len(sample),
        rows=start.rows + float(sample.sizes.sum()),
        total=start.total + float(sample.sums.sum()),
        squares=squares,
        capitals=tuple(paths[:, -1].tolist()),
        peak=max(start.peak, float(together.max())),
    )


def _stakes(sample: BoundedSums, start: Wealth) -> tuple[Floats, float]:
    """(k, G) stakes of each gambler on each group, from those before it; squares after the last.

    sqrt(2 log(1 / .1) / (horizon s^2)), with s the standard deviation seen so far of a sum around
    its size times the mean seen so far; before anything is seen s is half the range.
    """
    first = (sample.largest * (sample.high - sample.low) / 2.0) ** 2
    middle = (sample.low + sample.high) / 2.0
    groups = start.groups + np.arange(1.0, len(sample) + 1.0)
    mean = (middle + start.total + np.cumsum(sample.sums)) / (
        1.0 + start.rows + np.cumsum(sample.sizes)
    )
    seen = (start.squares or first) + np.cumsum((sample.sums - mean * sample.sizes) ** 2)
    before = (start.squares or first) / (start.groups + 1.0)
    variance = np.concatenate([[before], (seen / (groups + 1.0))[:-1]])
    horizons = np.array(HORIZONS)[:, None]
    return np.sqrt(_LEVEL / (horizons * variance)), float(seen[-1])
