"""Calibration by three parameters, which can also bend to one side."""

from __future__ import annotations

import math

from routelab.scorers.calibrators.calibrator import Calibrator, check_finite
from routelab.scorers.link import inside, logistic


class Beta(Calibrator, frozen=True, tag="beta"):
    """`logistic(a * log(p) - b * log(1 - p) + c)`.

    Source: Kull, Silva Filho, Flach, Beta calibration, AISTATS 2017.
    """

    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        check_finite("beta", (self.a, self.b, self.c))

    def __call__(self, score: float) -> float:
        p = inside(score)
        return logistic(self.a * math.log(p) - self.b * math.log1p(-p) + self.c)
