"""What the outputs of a target share, and how they differ."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats, Ints
from routelab.learning.design import Design


def is_comparable(design: Design, rows: Ints) -> bool:
    """Whether differences between the outputs mean something, and all were observed."""
    labels = design.examples.labels[rows]
    if labels.shape[1] < 2 or design.examples.target not in ("quality", "cost"):
        return False
    return not np.isnan(labels).any() and (design.examples.target == "quality" or design.logarithms)


def common_and_rest(values: Floats) -> tuple[Floats, Floats]:
    """(n, k) the mean of each row in every column, and what is left of the values."""
    common = np.repeat(values.mean(axis=1, keepdims=True), values.shape[1], axis=1)
    return common, values - common
