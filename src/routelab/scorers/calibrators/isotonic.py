"""Calibration by a monotone line through knots."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from routelab.errors import PolicyError
from routelab.scorers.calibrators.calibrator import Calibrator, check_finite


class Isotonic(Calibrator, frozen=True, tag="isotonic"):
    """Straight between knots, flat outside them.

    Attributes:
        x: scores, strictly ascending.
        y: what they are worth, never descending.

    Source: Zadrozny, Elkan, Transforming classifier scores into accurate multiclass
    probability estimates, KDD 2002.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        check_finite("isotonic", (*self.x, *self.y))
        if len(self.x) != len(self.y) or not self.x:
            raise PolicyError(
                f"isotonic has {len(self.x)} x and {len(self.y)} y; it needs as many, at least one"
            )
        if any(a >= b for a, b in pairwise(self.x)) or any(a > b for a, b in pairwise(self.y)):
            raise PolicyError("isotonic: x must ascend strictly, and y never descend")

    def __call__(self, score: float) -> float:
        right = bisect_right(self.x, score)
        if right == 0 or right == len(self.x):
            return self.y[max(right - 1, 0)]
        low, high = self.x[right - 1], self.x[right]
        share = (score - low) / (high - low)
        between = self.y[right - 1] + share * (self.y[right] - self.y[right - 1])
        return min(between, self.y[right])
