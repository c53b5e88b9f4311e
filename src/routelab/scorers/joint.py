"""Scores of another scorer, whose differences follow how great its scores are on the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from routelab.core import Floats
from routelab.errors import PolicyError
from routelab.scorers.scorer import BoundScorer, Many, One, Scorer
from routelab.signals.features import Tensors

JOINT_EDGE = 3.0
"""Spreads from the centre beyond which differences follow no further."""


class Joint(Scorer, frozen=True, kw_only=True, tag="joint"):
    """A scorer's outputs, each moved by a line and a parabola of their mean.

    With z the mean of the outputs, less `centre` and divided by `spread`, output j gets
    `slopes[j] * z + curves[j] * (z**2 - 1)` more. Calibration of all outputs at once: where models
    differ most on requests of middling difficulty, it says so, and leaves their mean alone if the
    slopes and the curves add up to nothing.

    Attributes:
        parts: name of the one scorer, whose outputs are these.
        centre, spread: of the mean of its outputs.
        slopes, curves: (k,).
    """

    parts: tuple[str, ...]
    centre: float
    spread: float
    slopes: tuple[float, ...]
    curves: tuple[float, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        k = len(self.outputs)
        if len(self.parts) != 1 or self.features:
            raise PolicyError(
                f"joint of {len(self.parts)} scorers and {len(self.features)} features; it takes"
                " one scorer and no features"
            )
        if len(self.slopes) != k or len(self.curves) != k:
            raise PolicyError(
                f"joint of {k} outputs has {len(self.slopes)} slopes and {len(self.curves)} curves;"
                " it needs one each"
            )
        numbers = (self.centre, self.spread, *self.slopes, *self.curves)
        if not all(map(math.isfinite, numbers)) or self.spread <= 0.0:
            raise PolicyError(
                f"joint has {', '.join(map(str, numbers))}; every number must be finite, and the"
                " spread positive"
            )

    def bind(self, widths: Sequence[int], tensors: Tensors) -> BoundScorer:
        return _BoundJoint(self)

    @property
    def asks(self) -> tuple[str, ...]:
        return self.parts


class _BoundJoint(BoundScorer):
    def __init__(self, spec: Joint) -> None:
        (self._part,) = spec.parts
        self._centre, self._spread = spec.centre, spec.spread
        self._moves = list(zip(spec.slopes, spec.curves, strict=True))

    def one(self, asked: One) -> Sequence[float]:
        scores = asked.score(self._part)
        total = 0.0
        for score in scores:
            total += score
        z = min(max((total / len(scores) - self._centre) / self._spread, -JOINT_EDGE), JOINT_EDGE)
        bend = z * z - 1.0
        return [
            score + (slope * z + curve * bend)
            for score, (slope, curve) in zip(scores, self._moves, strict=True)
        ]

    def many(self, asked: Many) -> Floats:
        return joint_scores(asked.score(self._part), self._centre, self._spread, self._moves)


def joint_scores(
    scores: Floats, centre: float, spread: float, moves: Sequence[tuple[float, float]]
) -> Floats:
    """(n, k) scores, each with its slope times z and its curve times z**2 - 1 more.

    Args:
        scores: (n, k).
        centre, spread: of the mean over outputs, from which z is made.
        moves: (k, 2) slope and curve of each output.
    """
    total = np.zeros(len(scores))
    for column in scores.T:  # one by one, as a single request adds
        total += column
    z = np.minimum(np.maximum((total / scores.shape[1] - centre) / spread, -JOINT_EDGE), JOINT_EDGE)
    bend = z * z - 1.0
    columns = [
        column + (slope * z + curve * bend)
        for column, (slope, curve) in zip(scores.T, moves, strict=True)
    ]
    return np.column_stack(columns)
