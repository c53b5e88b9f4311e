"""What every calibrator is: a frozen monotone function of a score."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from routelab.errors import PolicyError


class Calibrator(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Turns a score into one that means what it says."""

    def __call__(self, score: float) -> float:
        raise TypeError(f"{type(self).__name__} does not define __call__")


def check_finite(kind: str, numbers: Iterable[float]) -> None:
    """Refuse a parameter that is NaN or infinite.

    Raises:
        PolicyError: one is.
    """
    numbers = tuple(numbers)
    if not all(map(math.isfinite, numbers)):
        raise PolicyError(f"{kind} has {', '.join(map(str, numbers))}; every number must be finite")
