"""Words as numbers in C."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats, Ints
from routelab.signals.features.words._compiled import census, read
from routelab.signals.features.words._compiled import vector as _vector

__all__ = ["census", "read", "vector"]


def vector(codes: bytes, bits: int, worth: Floats, idf: Floats | None) -> tuple[Ints, Floats]:
    """As `plain.vector`; the arrays are contiguous."""
    indices, values = _vector(codes, bits, worth, b"" if idf is None else idf)
    return np.frombuffer(indices, np.int64), np.frombuffer(values)
