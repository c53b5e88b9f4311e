"""The kinds of calibrator. A new kind is one file and one line in `CALIBRATORS`.

Other packages bring kinds by entry points of the group `routelab.calibrators`.
"""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

from routelab.core import StructRegistry
from routelab.scorers.calibrators.beta import Beta
from routelab.scorers.calibrators.calibrator import Calibrator
from routelab.scorers.calibrators.isotonic import Isotonic
from routelab.scorers.calibrators.platt import Platt
from routelab.scorers.calibrators.temperature import Temperature

__all__ = [
    "CALIBRATORS",
    "REGISTRY",
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
"""The calibrators of routelab itself."""

REGISTRY: StructRegistry[Calibrator] = StructRegistry(
    "routelab.calibrators", "calibrator", CALIBRATORS, Calibrator
)
"""All kinds, with those of packages that were named."""

if TYPE_CHECKING:
    AnyCalibrator = Calibrator
else:

    class AnyCalibrator(ABC):  # noqa: B024  (msgspec hands a field of this type to the registry)
        """A calibrator of a scorer: decoded by its `kind`, whatever kinds there are."""

    AnyCalibrator.register(Calibrator)
