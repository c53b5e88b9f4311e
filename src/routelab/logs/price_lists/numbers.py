"""Prices as other projects' JSON writes them: numbers, exactly scaled."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation


def scaled(value: object, factor: int = 1) -> float:
    """A price times a factor, without the noise of binary fractions; NaN for what is no number.

    >>> from routelab.logs.price_lists.numbers import scaled
    >>> scaled(1.5e-07, 10**6)
    0.15
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(Decimal(str(value)) * factor)
    except (InvalidOperation, ValueError, OverflowError):
        return math.nan


def count(value: object) -> int | None:
    """A positive whole number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    return int(value) if math.isfinite(value) else None
