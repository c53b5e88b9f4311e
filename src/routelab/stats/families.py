"""Several tests at once, so that all that is said holds together with probability 1 - delta."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from routelab.core import Floats


def fixed_sequence(p_values: Iterable[float], delta: float) -> int:
    """How many tests pass of a sequence fixed beforehand: all up to the first that fails.

    Each is made at the full level, because nothing after a failure is believed. P-values are
    asked for one by one, and none after the first failure.

    Source: Angelopoulos, Bates, Candes, Jordan & Lei 2021, "Learn then Test", arXiv 2110.01052,
    section 3.
    """
    passed = 0
    for p in p_values:
        if p > delta:
            break
        passed += 1
    return passed


def holm(p_values: Sequence[float]) -> Floats:
    """P-values adjusted so that those of delta or less hold together; for tests in no order.

    Args:
        p_values: (k,) in [0, 1], however they depend on each other.
    Returns:
        (k,) adjusted, in the same order.
    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    scaled = raw[order] * np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
