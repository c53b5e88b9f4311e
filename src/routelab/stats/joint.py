"""Intervals that hold together: as wide as the most extreme of all figures asks for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from routelab.stats.arrays import matrix, vector


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
