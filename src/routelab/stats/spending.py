"""What a further look at the same data costs: the level that is left for it."""

from __future__ import annotations

from statistics import NormalDist

FIRST = 0.025
"""Level of the first look, that of either end of a 95 % interval; all later ones share as much."""

_NORMAL = NormalDist()


def look_level(look: int) -> float:
    """One-sided level of the k-th look at some data, so that all looks together err .05 at most.

    .025 for the first one, which loses nothing, and .025 / (k (k - 1)) for each later one, which
    adds up to .025 however many there are. No look needs to know how many will follow.

    Args:
        look: 1 for the first.
    Raises:
        ValueError: a look below 1.
    Source: alpha spending by Bonferroni's inequality; Lan & DeMets 1983 for the idea.
    """
    if look < 1:
        raise ValueError(f"look is {look}; the first one is 1")
    return FIRST if look == 1 else FIRST / (look * (look - 1))


def widened(estimate: float, interval: tuple[float, float], look: int) -> tuple[float, float]:
    """A 95 % interval as wide as the level of a look asks for, each end by the same factor.

    Args:
        estimate: inside the interval.
        interval: of 95 %.
        look: 1 for the first, which leaves it as it is.
    """
    return at_level(estimate, interval, look_level(look))


def at_level(estimate: float, interval: tuple[float, float], level: float) -> tuple[float, float]:
    """A 95 % interval as wide as another level asks for, each end by the same factor.

    Args:
        estimate: inside the interval.
        interval: of 95 %.
        level: one-sided, of either end; .025 leaves it as it is.
    """
    factor = _NORMAL.inv_cdf(1.0 - level) / _NORMAL.inv_cdf(1.0 - FIRST)
    return moved_out(estimate, interval, factor)


def moved_out(estimate: float, interval: tuple[float, float], factor: float) -> tuple[float, float]:
    """An interval whose ends lie farther from their estimate, each by the same factor.

    Args:
        estimate: inside the interval.
        factor: 1 leaves it as it is.
    """
    if factor == 1.0:  # to the last digit
        return interval
    low, high = interval
    return estimate - factor * (estimate - low), estimate + factor * (high - estimate)
