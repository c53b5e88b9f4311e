"""Portable parts whose sums are logarithms, made to score what they are the logarithms of."""

from __future__ import annotations

import msgspec
import numpy as np

from routelab.learning.learners import PortablePart
from routelab.scorers import Linear, Prior, Trees


def exponential(written: PortablePart) -> PortablePart:
    """The part that scores the exponential of what this one does.

    Raises:
        TypeError: the kind of scorer has no such form.
    """
    scorer, tensors = written.scorer, dict(written.tensors)
    if isinstance(scorer, Prior):
        table = f"{scorer.tensors}.table"
        tensors[table] = np.exp(tensors[table])
    elif isinstance(scorer, Linear | Trees):
        scorer = msgspec.structs.replace(scorer, link="log")
    else:
        raise TypeError(f"{type(scorer).__name__} has no logarithmic form")
    return PortablePart(scorer, written.features, tensors)
