"""Calibration by one parameter: how sure to be."""

from __future__ import annotations

from routelab.errors import PolicyError
from routelab.scorers.calibrators.calibrator import Calibrator, check_finite
from routelab.scorers.link import logistic, logit


class Temperature(Calibrator, frozen=True, tag="temperature"):
    """`logistic(logit(p) / t)`.

    Source: Guo et al., On calibration of modern neural networks, arXiv 1706.04599.
    """

    t: float

    def __post_init__(self) -> None:
        check_finite("temperature", (self.t,))
        if self.t <= 0.0:
            raise PolicyError(f"temperature is {self.t}; it must be positive")

    def __call__(self, score: float) -> float:
        return logistic(logit(score) / self.t)
