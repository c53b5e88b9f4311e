"""Words as numbers in C."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats, Ints
from routelab.signals.features.words._compiled import census, read
from routelab.signals.features.words._compiled import vector as _vector

__all__ = ["census", "read", "vector"]


def vector(codes: bytes, bits: int, worth: Floats, idf: Floats | None) -> tuple[Ints, Floats]:
    """(k,) columns and (k,) values, as `plain.vector` gives them, to the same bits.

    Args:
        codes: of the words, as `read` gives them.
        bits: of a column's number.
        worth: (most + 1,) contiguous float64 value by number of occurrences.
        idf: (2**bits,) contiguous float64 that a column's value is multiplied by; None for 1.
    """
    indices, values = _vector(codes, bits, worth, b"" if idf is None else idf)
    return np.frombuffer(indices, np.int64), np.frombuffer(values)
