"""Means whose rows come in groups, cell by cell: standard errors, intervals, tests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.stats import student_quantile, student_tail

FEWEST = 5
"""Requests of a slice that is told, at least."""


class GroupedMeans(NamedTuple):
    """What each cell comes to, (count,) each.

    Attributes:
        low, high: 95 % interval of the cell alone; NaN where all rows are of one group.
        p: two-sided, of the true mean being zero; 1 where nothing can be said.
    """

    mean: Floats
    low: Floats
    high: Floats
    p: Floats


def paired(
    values: Floats, cells: Ints, count: int, groups: Ints, *, most: float = np.inf
) -> GroupedMeans:
    """Means of paired differences, by Student's t over groups.

    Few rows that all differ alike have no spread, and t would be infinite. So a p-value is never
    below what the signs of as many groups could give: 2 ** (1 - groups that differ).

    Args:
        values: (n,).
        cells: (n,) the cell of each row, from 0 to count - 1; none is empty.
        groups: (n,) labels.
        most: values lie in [-most, most], and so do the intervals.
    """
    rows = np.bincount(cells, minlength=count)
    mean = np.bincount(cells, values, minlength=count) / rows
    error, n_groups = standard_errors(values, cells, count, groups)
    reach = student(np.maximum(n_groups - 1, 1)) * error
    differ = _groups_that_differ(values, cells, count, groups)
    p = [
        1.0 if not middle or g < 2 else max(student_p(middle, spread, g - 1), 2.0 ** (1 - d))
        for middle, spread, g, d in zip(
            mean.tolist(), error.tolist(), n_groups.tolist(), differ.tolist(), strict=True
        )
    ]
    low, high = np.clip(mean - reach, -most, most), np.clip(mean + reach, -most, most)
    return GroupedMeans(mean, low, high, np.array(p))


def _groups_that_differ(values: Floats, cells: Ints, count: int, groups: Ints) -> Ints:
    """(count,) groups of each cell with any value but zero."""
    some = values != 0
    _, group = np.unique(groups, return_inverse=True)
    pairs = np.unique(np.stack([cells[some], group[some]]), axis=1)
    return np.bincount(pairs[0], minlength=count)


def standard_errors(values: Floats, cells: Ints, count: int, groups: Ints) -> tuple[Floats, Ints]:
    """Of the mean in each cell, with the rows of a group kept together.

    Args:
        values: (n,).
        cells: (n,) the cell of each row, from 0 to count - 1; none is empty.
        groups: (n,) labels; a group may have rows in several cells.
    Returns:
        (count,) standard errors, NaN for a cell of one group, and (count,) its groups.
    Source: Liang & Zeger 1986, with the correction G / (G - 1).
    """
    rows = np.bincount(cells, minlength=count)
    mean = np.bincount(cells, values, minlength=count) / rows
    _, group = np.unique(groups, return_inverse=True)
    pairs, pair = np.unique(cells * (group.max() + 1) + group, return_inverse=True)
    off = np.bincount(pair, values - mean[cells])
    owner = pairs // (group.max() + 1)
    n_groups = np.bincount(owner, minlength=count)
    squares = np.bincount(owner, np.square(off), minlength=count)
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
