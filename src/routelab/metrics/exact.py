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
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        vector("values", array)  # which refuses it
    if not len(array):
        return 0.0
    parts: list[float] = []
    leading, rest = np.empty((2, min(len(array), _CHUNK)))
    for start in range(0, len(array), _CHUNK):
        chunk = array[start : start + _CHUNK]
        parts += _parts(chunk, leading[: len(chunk)], rest[: len(chunk)])
    if not all(map(math.isfinite, parts)):
        vector("values", array)  # which says where
    return math.fsum(parts)


def exact_mean(values: npt.ArrayLike) -> float:
    """The exact sum divided by the number of values.

    Raises:
        ValueError: no value, not (n,), NaN or infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        vector("values", array)  # which refuses it
    return exact_total(array) / len(array)


def _parts(values: Floats, leading: Floats, rest: Floats) -> list[float]:
    """A few numbers with the same exact sum as the values of one chunk; some are NaN or infinite
    where values are.

    Each round cuts the leading bits off every value, few enough that their sum is exact.

    Args:
        values: (k,), of which none is written to.
        leading, rest: (k,) to work in: made once, for fresh memory takes as long as the sums.
    """
    parts: list[float] = []
    while largest := max(float(values.max()), -float(values.min())):
        if not largest <= _LARGEST:
            return parts + list(values.tolist())
        sigma = math.ldexp(2.0 * _CHUNK, math.frexp(largest)[1])
        np.add(values, sigma, out=leading)
        np.subtract(leading, sigma, out=leading)
        parts.append(float(leading.sum()))
        values = np.subtract(values, leading, out=rest)
    return parts
