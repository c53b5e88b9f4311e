"""Intervals that hold all at once: the max-t bootstrap.

Of ten intervals of 95 % some one misses in up to .40 of samples. Where a table invites
comparison, its intervals are made as wide as the largest of all errors asks for. Figures of one
sample err together, which the resamples know, so that less width is needed than by Bonferroni's
inequality.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from routelab.core import Floats
from routelab.stats.arrays import matrix, vector

_NORMAL = NormalDist()


def joint_intervals(
    estimates: npt.ArrayLike, resampled: npt.ArrayLike, level: float = 0.95
) -> Floats:
    """Intervals of k figures that all hold the truth at once, in `level` of samples.

    Each is its estimate more or less one and the same number of its own standard errors. A figure
    that no resample moves has an interval of no width.

    >>> import numpy as np
    >>> from routelab.stats import joint_intervals
    >>> resampled = np.random.default_rng(0).normal([0.0, 5.0], [1.0, 10.0], (2000, 2))
    >>> joint_intervals([0.0, 5.0], resampled).round(1).tolist()
    [[-2.2, 2.2], [-17.0, 27.0]]

    Args:
        estimates: (k,) figures of the sample.
        resampled: (B, k) the same figures of each resample, paired: row b is one resample.
        level: chance that all hold at once, in (0, 1).
    Returns:
        (k, 2) low and high ends, in units of each figure.
    Raises:
        ValueError: shapes that do not fit, values that are not finite, or a level out of range.
    Source: Montiel Olea & Plagborg-Møller 2019, "Simultaneous confidence bands", algorithm 1
        (sup-t); Romano & Wolf 2005, "Exact and approximate stepdown methods".
    """
    center, samples = _aligned(estimates, resampled)
    reach = _reach(samples, level) * samples.std(axis=0)
    return np.column_stack([center - reach, center + reach])


def joint_widening(resampled: npt.ArrayLike, level: float = 0.95) -> float:
    """By how much single intervals must be wider, on either side, to hold all at once; 1 or more.

    For intervals that were made otherwise than by standard errors: moved out from their
    estimates by this factor they keep their shape.

    Args:
        resampled: (B, k) figures of each resample, paired.
        level: of the single intervals, and the chance that the wider ones hold at once.
    Raises:
        ValueError: as `joint_intervals`.
    Source: as `joint_intervals`.
    """
    samples = matrix("resampled", resampled)
    return max(1.0, _reach(samples, level) / _NORMAL.inv_cdf(0.5 + level / 2.0))


def _reach(samples: Floats, level: float) -> float:
    """Standard errors within which all figures of a resample lie, in `level` of resamples."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    error = samples.std(axis=0)
    # Rounding leaves a column that never moves with an error of its last digit.
    moves = error > 1e-12 * np.abs(samples).max(axis=0, initial=0.0)
    if not moves.any():
        return 0.0
    off = np.abs(samples[:, moves] - samples[:, moves].mean(axis=0)) / error[moves]
    return float(np.quantile(off.max(axis=1), level))


def _aligned(estimates: npt.ArrayLike, resampled: npt.ArrayLike) -> tuple[Floats, Floats]:
    center, samples = vector("estimates", estimates), matrix("resampled", resampled)
    if samples.shape[1] != len(center):
        raise ValueError(f"resampled has {samples.shape[1]} columns and estimates {len(center)}")
    return center, samples
