"""Several scorers' opinions as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from routelab.core import Floats
from routelab.errors import PolicyError
from routelab.scorers.link import FORWARD, INVERSE, each
from routelab.scorers.scorer import BoundScorer, Many, One, Scorer
from routelab.signals.features import Tensors

_LINK = {"value": "identity", "logit": "logit", "log": "log"}


class Blend(Scorer, frozen=True, kw_only=True, tag="blend"):
    """A weighted sum of other scorers' scores, of their log-odds, or of their logarithms.

    Attributes:
        parts: names of the scorers, whose outputs are those of the blend.
        weights: one for each; they need not add up to one.
        bias: added to the sum.
        scale: "value" adds scores, "logit" log-odds of probabilities, "log" logarithms of amounts,
            whose blend is a weighted geometric mean.
    """

    parts: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float = 0.0
    scale: Literal["value", "logit", "log"] = "value"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.parts or len(self.parts) != len(self.weights):
            raise PolicyError(
                f"blend of {len(self.parts)} scorers has {len(self.weights)} weights;"
                " it needs one each"
            )
        if not all(map(math.isfinite, (*self.weights, self.bias))):
            raise PolicyError(f"weights {self.weights}, bias {self.bias}: all must be finite")
        if self.features:
            raise PolicyError("a blend reads no features; leave them to its parts")

    def bind(self, widths: Sequence[int], tensors: Tensors) -> BoundScorer:
        return _BoundBlend(self)

    @property
    def asks(self) -> tuple[str, ...]:
        return self.parts


class _BoundBlend(BoundScorer):
    def __init__(self, spec: Blend) -> None:
        self._weighted = list(zip(spec.parts, spec.weights, strict=True))
        self._bias, self._k = spec.bias, len(spec.outputs)
        self._forward = FORWARD[_LINK[spec.scale]]
        self._inverse = INVERSE[_LINK[spec.scale]]

    def one(self, asked: One) -> Sequence[float]:
        sums = [0.0] * self._k
        for name, weight in self._weighted:
            scores = asked.score(name)
            sums = [s + weight * self._forward(v) for s, v in zip(sums, scores, strict=True)]
        return [self._inverse(s + self._bias) for s in sums]

    def many(self, asked: Many) -> Floats:
        sums = np.zeros((len(asked.requests), self._k))
        for name, weight in self._weighted:
            sums += weight * each(self._forward, asked.score(name))
        return each(self._inverse, sums + self._bias)
