"""Trees in arrays."""

from __future__ import annotations

from typing import NamedTuple

from routelab.core import Floats, Ints


class Forest(NamedTuple):
    """Nodes of all trees, and where each tree begins and which output it adds to.

    Attributes:
        feature: (n,) int32 column that a node looks at.
        threshold: (n,) float64; at most that goes left.
        left, right: (n,) int32 children, which come after their parent; a leaf's left is -1.
        value: (n,) float64 what a leaf adds.
        missing_left: (n,) uint8, whether NaN goes left.
        roots, output: (trees,) int32.
        bias: (k,) float64 where the sums begin.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    missing_left: Ints
    roots: Ints
    output: Ints
    bias: Floats
