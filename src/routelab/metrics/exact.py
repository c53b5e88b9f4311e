"""Sums without rounding error, whatever the order of the values."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from routelab.core import Floats
from routelab.stats import vector

_CHUNK = 1 << 14
_LARGEST = 2.0**1000


def exact_total(values: npt.ArrayLike) -> float:
    """The exact sum, rounded once: equal to `math.fsum` and several times faster.

    Args:
        values: (n,); an empty one sums to zero.
    Raises:
        ValueError: not (n,), NaN or infinite.
    Source: Rump, Ogita & Oishi 2008, "Accurate floating-point summation", part I.
    """
    if np.size(values) == 0:
        return 0.0
    array = vector("values", values)
    chunks = (array[start : start + _CHUNK] for start in range(0, len(array), _CHUNK))
    return math.fsum(part for chunk in chunks for part in _parts(chunk))


def exact_mean(values: npt.ArrayLike) -> float:
    """The exact sum divided by the number of values.

    Raises:
        ValueError: no value, not (n,), NaN or infinite.
    """
    return exact_total(vector("values", values)) / np.size(values)


def _parts(rest: Floats) -> list[float]:
    """A few numbers with the same exact sum as the values of one chunk.

    Each round cuts the leading bits off every value, few enough that their sum is exact.
    """
    parts: list[float] = []
    while largest := float(np.max(np.abs(rest))):
        if largest > _LARGEST:
            return parts + list(rest.tolist())
        sigma = math.ldexp(2.0 * _CHUNK, math.frexp(largest)[1])
        leading = (rest + sigma) - sigma
        parts.append(float(leading.sum()))
        rest = rest - leading
    return parts
