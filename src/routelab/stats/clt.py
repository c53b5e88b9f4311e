"""Normal approximations: asymptotic, so a comparison and a check, never a certificate."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from routelab.stats.bootstrap import Interval
from routelab.stats.bounded_sums import BoundedSums, MeanEstimate

_NORMAL = NormalDist()


class MeanDifference(NamedTuple):
    """How far two means lie apart.

    Attributes:
        value: the later one minus the earlier one.
        interval: 95 %, asymptotic.
        p_value: two-sided, of no difference.
    """

    value: float
    interval: Interval
    p_value: float


def p_value(sample: BoundedSums, bound: float) -> float:
    """Asymptotic p-value of "the mean exceeds `bound`", with errors robust to groups."""
    return _NORMAL.cdf(-safety(sample, bound))


def safety(sample: BoundedSums, bound: float) -> float:
    """How many standard errors the mean lies below the bound; infinite without variance."""
    found = sample.estimate
    return _ratio(bound - found.mean, found.error)


def half_width(sample: BoundedSums, together: int = 1) -> float:
    """Half the width of an asymptotic 95 % interval of the mean.

    Args:
        sample: whose mean it is.
        together: intervals that are to hold at once (Bonferroni).
    """
    error = sample.estimate.error
    return 0.0 if math.isnan(error) else _NORMAL.inv_cdf(1.0 - 0.025 / together) * error


def difference(earlier: BoundedSums, later: BoundedSums) -> MeanDifference:
    """Whether two independent samples have one mean: a simple check for drift."""
    one, two = earlier.estimate, later.estimate
    value, error = two.mean - one.mean, _both(one, two)
    half = _NORMAL.inv_cdf(0.975) * error
    tail = 2.0 * _NORMAL.cdf(-abs(_ratio(value, error))) if value else 1.0
    return MeanDifference(value, Interval(value - half, value + half), tail)


def _both(one: MeanEstimate, two: MeanEstimate) -> float:
    """The error of a difference; that of a single group is not known and counts as none."""
    known = [error for error in (one.error, two.error) if not math.isnan(error)]
    return math.hypot(*known) if known else 0.0


def _ratio(distance: float, error: float) -> float:
    if math.isnan(error):
        return 0.0
    if error == 0.0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / error
