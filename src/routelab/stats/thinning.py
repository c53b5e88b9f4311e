"""Fewer of many, evenly from the first to the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from routelab.core import Ints

T = TypeVar("T")


def evenly(n: int, most: int) -> Ints:
    """At most `most` of n indices, (k,) ascending; from two on both ends are among them."""
    return np.unique(np.linspace(0, n - 1, max(0, min(n, most))).round().astype(np.intp))


def thinned(values: Sequence[T], most: int) -> list[T]:
    """At most `most` of the values, in their order."""
    return [values[at] for at in evenly(len(values), most)]
