"""Student's t: its quantile, at any degrees of freedom."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

Z = 1.959963984540054
"""Of a two-sided 95 % interval of a normal."""

_MANY = 60
"""Degrees of freedom from which the expansion is right to six digits."""


def student_tail(t: float, freedom: int) -> float:
    """Two-sided: the probability of a Student's t farther from zero than this.

    Args:
        t: any number.
        freedom: 1 or more.
    Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4, which are exact.
    """
    theta = math.atan2(abs(t), math.sqrt(freedom))
    square, odd = math.cos(theta) ** 2, freedom % 2
    steps = np.arange(1 + odd, freedom - 1, 2)
    terms = math.cos(theta) ** odd * np.cumprod(steps / (steps + 1) * square)
    series = math.sin(theta) * ((math.cos(theta) if odd else 1.0) + math.fsum(terms))
    if odd:
        series = 2 / math.pi * (theta + (series if freedom > 1 else 0.0))
    return max(0.0, 1.0 - series)


def student_quantile(freedom: float) -> float:
    """The .975 quantile, right to six digits.

    Args:
        freedom: 1 or more; a fraction is dropped, which errs on the wide side.
    Source: the tail above, by halving; from 60 degrees on Abramowitz & Stegun 1964, 26.7.5.
    """
    whole = max(1, math.floor(freedom))
    return _solved(whole) if whole < _MANY else _expansion(float(whole))


def _expansion(v: float) -> float:
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / v + second / v**2 + third / v**3


@cache
def _solved(freedom: int) -> float:
    low, high = 0.0, 16.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_tail(middle, freedom) > 0.05 else (low, middle)
    return high
