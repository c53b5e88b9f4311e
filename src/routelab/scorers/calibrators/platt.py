"""Calibration by a line on the scale of log-odds."""

from __future__ import annotations

from routelab.scorers.calibrators.calibrator import Calibrator, check_finite
from routelab.scorers.link import logistic, logit


class Platt(Calibrator, frozen=True, tag="platt"):
    """`logistic(a * logit(p) + b)`.

    Source: Platt, Probabilistic outputs for support vector machines, 1999.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        check_finite("platt", (self.a, self.b))

    def __call__(self, score: float) -> float:
        return logistic(self.a * logit(score) + self.b)
