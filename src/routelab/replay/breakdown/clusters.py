"""Standard errors of means whose rows come in groups."""

from __future__ import annotations

import numpy as np

from routelab.core.table import Floats, Ints

Z = 1.959963984540054
"""Of a two-sided 95 % interval of a normal."""


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
    """The .975 quantile of Student's t, within 4 % from 2 degrees of freedom on.

    Args:
        freedom: any shape, 1 or more.
    Source: Abramowitz & Stegun 1964, 26.7.5.
    """
    v = np.asarray(freedom, dtype=np.float64)
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return np.asarray(Z + first / v + second / v**2 + third / v**3)
