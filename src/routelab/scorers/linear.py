"""A weighted sum of features: ridge and logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from routelab.core import Floats
from routelab.scorers.kernels import dot
from routelab.scorers.link import INVERSE, Link, each
from routelab.scorers.scorer import BoundScorer, Many, One, Scorer
from routelab.signals.features import Tensors, TensorSpec, take_tensors


class Linear(Scorer, frozen=True, kw_only=True, tag="linear"):
    """The sum of weights times features in the order of columns, plus a bias, through a link.

    Attributes:
        tensors: prefix of `.weights` (width, k) and `.bias` (k,), both float64.
        link: "identity", "logit" where the sum is the log-odds of a probability, or "log" where it
            is the logarithm of an amount.
    """

    tensors: str
    link: Link = "identity"

    def bind(self, widths: Sequence[int], tensors: Tensors) -> BoundScorer:
        k = len(self.outputs)
        weights, bias = take_tensors(
            tensors,
            TensorSpec(f"{self.tensors}.weights", "float64", (sum(widths), k)),
            TensorSpec(f"{self.tensors}.bias", "float64", (k,)),
        )
        return _BoundLinear(self, widths, weights, bias)


class _BoundLinear(BoundScorer):
    """Adds term by term, from zero: no sum here depends on the processor."""

    def __init__(self, spec: Linear, widths: Sequence[int], weights: Floats, bias: Floats) -> None:
        self._features = spec.features
        self._weights = weights
        weights = np.ascontiguousarray(weights)
        ends = list(accumulate(widths))
        self._blocks = [weights[end - width : end] for end, width in zip(ends, widths, strict=True)]
        self._bias = bias + 0.0  # no -0.0, which would tell an empty sum from a sum of -0.0
        self._inverse = INVERSE[spec.link]

    def one(self, asked: One) -> Sequence[float]:
        sums = dot(self._blocks, asked.vectors(self._features), len(self._bias))
        return [self._inverse(z) for z in (sums + self._bias).tolist()]

    def many(self, asked: Many) -> Floats:
        matrix = asked.matrix(self._features)
        rows, n = matrix.rows, len(matrix)
        sums = [
            np.bincount(rows, column.take(matrix.indices) * matrix.values, minlength=n)
            for column in self._weights.T
        ]
        return each(self._inverse, np.stack(sums, axis=1) + self._bias)
