"""Several tests at once, so that all that is said holds together with probability 1 - delta."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from routelab.core import Floats
from routelab.stats.arrays import matrix, vector


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


def joint_factor(estimates: npt.ArrayLike, samples: npt.ArrayLike, level: float = 0.95) -> float:
    """By how much intervals of several figures widen so that all hold at once; 1 at least.

    Each figure's distance from its estimate is measured over resamples in units of the distance
    that one figure alone keeps to; the factor is what the greatest of them keeps to. Figures that
    move together widen little.

    Args:
        estimates: (k,) figures.
        samples: (B, k) the same of each resample; all must be drawn together.
        level: share of cases in which all intervals are to hold, in (0, 1).
    Raises:
        ValueError: shapes that do not fit, or a level outside (0, 1).
    Source: Romano & Wolf 2005, "Exact and approximate stepdown methods for multiple hypothesis
        testing" (max-t).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    drawn, middle = matrix("samples", samples), vector("estimates", estimates)
    if drawn.shape[1] != len(middle):
        raise ValueError(f"samples has {drawn.shape[1]} columns and estimates {len(middle)}")
    away = np.abs(drawn - middle)
    single = np.quantile(away, level, axis=0)
    moving = single > 0  # a figure that hardly ever moves asks for nothing
    if moving.sum() < 2:
        return 1.0
    return max(1.0, float(np.quantile((away[:, moving] / single[moving]).max(axis=1), level)))
