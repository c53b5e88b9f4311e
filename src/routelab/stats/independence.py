"""Whether counts in two rows depend on the column."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from routelab.core import Floats

_EXPECTED = 5.0
"""Counts from which chi-square is true enough (Cochran 1954)."""


def independence(table: npt.ArrayLike) -> float:
    """Probability of counts as uneven as these, if the rows did not depend on the columns.

    Where some expected counts are below 5 each column is tested exactly for too many in the first
    row, and the smallest probability is multiplied by the number of columns.

    Args:
        table: (2, k) counts, k >= 1.
    Returns:
        1 where there is nothing to tell: one column, or an empty row.
    Source: Pearson 1900; Fisher's exact test with the correction of Bonferroni.
    """
    counts = np.asarray(table, dtype=np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    columns, rows = counts.sum(axis=0), counts.sum(axis=1)
    if len(columns) < 2 or not rows.all():
        return 1.0
    expected = np.outer(rows, columns) / rows.sum()
    if expected.min() >= _EXPECTED:
        statistic = float((np.square(counts - expected) / expected).sum())
        return chi_square_tail(statistic, len(columns) - 1)
    many = np.flatnonzero(counts[0] > expected[0])
    if not len(many):
        return 1.0
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, rows.sum() + 1.0)))])
    tails = [_tail(int(counts[0, it]), int(columns[it]), int(rows[0]), logs) for it in many]
    return min(1.0, min(tails) * len(columns))


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Probability of a chi-square above `statistic`.

    Args:
        statistic: not negative.
        degrees: of freedom, 1 or more.
    Source: Abramowitz & Stegun 1964, 26.4.4 and 26.4.5.
    """
    half = statistic / 2.0
    found = math.erfc(math.sqrt(half)) if degrees % 2 else math.exp(-half)
    if half:
        log = math.log(half)
        for a, log_gamma in _log_gammas(degrees):
            found += math.exp(a * log - half - log_gamma)
    return min(1.0, found)


@lru_cache(maxsize=32)  # many columns are tested at the same few numbers of degrees
def _log_gammas(degrees: int) -> tuple[tuple[float, float], ...]:
    """Each power of the series, and the logarithm of what it is divided by."""
    start = 0.5 if degrees % 2 else 1.0
    return tuple((start + it, math.lgamma(start + it + 1.0)) for it in range((degrees - 1) // 2))


def _tail(seen: int, drawn: int, marked: int, logs: Floats) -> float:
    """Probability of `seen` or more marked ones among `drawn` of all, without replacement.

    Args:
        logs: (n + 1,) logarithms of the factorials.
    """
    total = len(logs) - 1

    def choose(n: int, k: npt.NDArray[np.int64] | int) -> Floats:
        return np.asarray(logs[n] - logs[k] - logs[n - k])

    at = np.arange(max(seen, drawn + marked - total), min(drawn, marked) + 1)
    terms = choose(marked, at) + choose(total - marked, drawn - at) - choose(total, drawn)
    return float(np.exp(terms).sum())
