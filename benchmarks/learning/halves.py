"""Half of a log to learn from, the other half to judge on; what belongs together stays so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.logs import Log
from routelab.logs.model import split


class Halves(NamedTuple):
    """Rows of either half, ascending."""

    learn: np.ndarray
    judge: np.ndarray


def halves(log: Log, seed: int, rows: int | None = None) -> Halves:
    """Whole groups at random until half the rows are reached, or `rows` of them.

    With `rows` the judging half is the same as without, so that sizes are compared on it.
    """
    groups = split(log, need_all_parts=False).groups
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    upto = np.cumsum(sizes[order])
    half = 1 + int(np.searchsorted(upto, len(log) / 2))
    taken = half if rows is None else min(half, 1 + int(np.searchsorted(upto, rows)))
    return Halves(
        np.flatnonzero(np.isin(groups, order[:taken])),
        np.flatnonzero(np.isin(groups, order[half:])),
    )
