"""From a linear scale to a score and back, the same in plain Python for one value and for many."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np

from routelab.core import Floats

Link: TypeAlias = Literal["identity", "logit", "log"]

_LEAST = 1e-12
"""Probabilities are kept this far from 0 and 1 before a logarithm is taken."""


def logistic(z: float) -> float:
    """The probability whose log-odds are `z`; never overflows."""
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    odds = math.exp(z)
    return odds / (1.0 + odds)


def logit(p: float) -> float:
    """Log-odds of a probability."""
    p = inside(p)
    return math.log(p) - math.log1p(-p)


def inside(p: float) -> float:
    """The nearest probability that has log-odds."""
    return min(max(p, _LEAST), 1.0 - _LEAST)


_MOST = 700.0
"""The exponential of little more is infinite."""


def amount(z: float) -> float:
    """The amount whose logarithm is `z`; never infinite."""
    return math.exp(min(z, _MOST))


def logarithm(value: float) -> float:
    """The logarithm of an amount; of nothing, that of the least number."""
    return math.log(max(value, sys.float_info.min))


def _same(z: float) -> float:
    return z


INVERSE: Mapping[str, Callable[[float], float]] = {
    "identity": _same,
    "logit": logistic,
    "log": amount,
}
"""From the linear scale to the score."""

FORWARD: Mapping[str, Callable[[float], float]] = {
    "identity": _same,
    "logit": logit,
    "log": logarithm,
}
"""From the score to the linear scale."""


def each(function: Callable[[float], float], values: Floats) -> Floats:
    """A function of one number on every number of an array, as it is on one alone."""
    if function is _same:
        return values
    return np.array([function(value) for value in values.ravel().tolist()]).reshape(values.shape)
