"""Means whose rows come in groups, cell by cell: standard errors and intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.stats import RARE, student_quantile, student_tail

FEWEST = 5
"""Requests of a slice that is told, at least."""


class GroupedMeans(NamedTuple):
    """What each cell comes to, (count,) each.

    Attributes:
        low, high: 95 % interval of the cell alone; NaN where all rows are of one group.
    """

    mean: Floats
    low: Floats
    high: Floats


def paired(values: Floats, cells: Ints, count: int, groups: Ints) -> GroupedMeans:
    """Means of paired differences of qualities, by Student's t over groups.

    Args:
        values: (n,) in [-1, 1].
        cells: (n,) the cell of each row, from 0 to count - 1; none is empty.
        groups: (n,) labels.
    """
    rows = np.bincount(cells, minlength=count)
    mean = np.bincount(cells, values, minlength=count) / rows
    error, n_groups = standard_errors(values, cells, count, groups)
    reach = student(np.maximum(n_groups - 1, 1)) * error
    return GroupedMeans(mean, np.maximum(mean - reach, -1.0), np.minimum(mean + reach, 1.0))


def standard_errors(values: Floats, cells: Ints, count: int, groups: Ints) -> tuple[Floats, Ints]:
    """Of the mean in each cell, with the rows of a group kept together.

    Few rows that differ, or that all differ alike, have hardly any spread. Where they are under
    40 and under half of the groups, the square of one row more at an end of the range is added, as
    `routelab.stats.figure_interval` draws such rows into resamples.

    Args:
        values: (n,) differences of qualities, in [-1, 1].
        cells: (n,) the cell of each row, from 0 to count - 1; none is empty.
        groups: (n,) labels; a group may have rows in several cells.
    Returns:
        (count,) standard errors, NaN for a cell of one group, and (count,) its groups.
    Source: Liang & Zeger 1986, with the correction G / (G - 1); Agresti & Coull 1998.
    """
    rows = np.bincount(cells, minlength=count)
    mean = np.bincount(cells, values, minlength=count) / rows
    _, group = np.unique(groups, return_inverse=True)
    pairs, pair = np.unique(cells * (group.max() + 1) + group, return_inverse=True)
    off = np.bincount(pair, values - mean[cells])
    owner = pairs // (group.max() + 1)
    n_groups = np.bincount(owner, minlength=count)
    squares = np.bincount(owner, np.square(off), minlength=count)
    up, down = 1.0 - mean, 1.0 + mean  # how far a row at either end would be off
    differ = np.bincount(owner, np.bincount(pair, values != 0) > 0, minlength=count)
    few = (differ < np.minimum(RARE, n_groups / 2)) | (squares == 0)
    matters = few & (RARE * np.square(np.maximum(up, down)) > squares)
    squares = squares + np.where(matters, (up**3 + down**3) / (up + down), 0.0)
    correction = n_groups / np.where(n_groups > 1, n_groups - 1, np.nan)
    return np.sqrt(correction * squares) / rows, n_groups


def student(freedom: Ints) -> Floats:
    """The .975 quantile of Student's t.

    Args:
        freedom: (n,), or any other shape, 1 or more.
    """
    there, at = np.unique(freedom, return_inverse=True)
    quantiles = np.array([student_quantile(float(it)) for it in there.tolist()])
    return np.asarray(quantiles[at].reshape(np.shape(freedom)))


def student_p(mean: float, error: float, freedom: int) -> float:
    """Two-sided p-value of a mean that is this many standard errors off zero.

    Args:
        error: of the mean; 0 makes the p-value 0.
        freedom: 1 or more.
    """
    return student_tail(mean / error, freedom) if error else 0.0
