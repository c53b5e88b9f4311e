"""The kinds of calibrator. A new kind is one file and one line in `CALIBRATORS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from routelab.scorers.calibrators.beta import Beta
from routelab.scorers.calibrators.calibrator import Calibrator
from routelab.scorers.calibrators.isotonic import Isotonic
from routelab.scorers.calibrators.platt import Platt
from routelab.scorers.calibrators.temperature import Temperature

__all__ = [
    "CALIBRATORS",
    "AnyCalibrator",
    "Beta",
    "Calibrator",
    "Isotonic",
    "Platt",
    "Temperature",
]

CALIBRATORS: tuple[type[Calibrator], ...] = (
    Platt,
    Beta,
    Isotonic,
    Temperature,
)

if TYPE_CHECKING:
    AnyCalibrator = Calibrator
else:
    AnyCalibrator = Union[CALIBRATORS]  # noqa: UP007  (built from the registry)
