"""Intervals of means, shares and quantiles that need no resampling."""

from __future__ import annotations

import math

import numpy as np

from routelab.core import Floats

_Z = 1.959963984540054
"""Of a two-sided 95 % interval."""


def mean_interval(values: Floats) -> tuple[float, float]:
    """95 % interval of a mean by the normal approximation.

    Args:
        values: (n,) independent of each other, n >= 1.
    """
    mean = math.fsum(values) / len(values)
    half = _Z * float(np.std(values)) / math.sqrt(len(values))
    return mean - half, mean + half


def proportion_interval(count: int, n: int) -> tuple[float, float]:
    """95 % interval of a share: `count` of `n`.

    Raises:
        ValueError: a count outside [0, n], or no request.
    Source: Wilson 1927.
    """
    if not 0 <= count <= n or n < 1:
        raise ValueError(f"{count} of {n} is no share")
    share, z2 = count / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if count == 0 else max(0.0, middle - half)
    return low, 1.0 if count == n else min(1.0, middle + half)


def quantile_interval(ascending: Floats, q: float) -> tuple[float, float]:
    """95 % interval of a quantile, between two of the values themselves.

    Args:
        ascending: (n,) sorted values, n >= 1.
        q: in (0, 1).
    Raises:
        ValueError: no value, or a q outside (0, 1).
    Source: order statistics, David & Nagaraja 2003, section 7.1, with the normal approximation
        of the binomial.
    """
    n = len(ascending)
    if n < 1 or not 0.0 < q < 1.0:
        raise ValueError(f"no interval of quantile {q} of {n} values")
    half = _Z * math.sqrt(n * q * (1.0 - q))
    low = int(np.clip(math.floor(n * q - half), 0, n - 1))
    high = int(np.clip(math.ceil(n * q + half), 0, n - 1))
    return float(ascending[low]), float(ascending[high])
