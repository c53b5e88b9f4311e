"""Bootstrap by group: rows of one conversation or user are drawn together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.stats.arrays import matrix, vector

_CHUNK = 1 << 20  # group counts held at once
_BLOCK = 1 << 12  # groups summed at once, so that both factors stay in the cache


class Interval(NamedTuple):
    """Both ends of an interval, in units of its figure.

    Attributes:
        low: the lower end; high: the upper one.
    """

    low: float
    high: float


def interval(samples: npt.ArrayLike, level: float = 0.95) -> Interval:
    """The percentile interval: what lies between the outer quantiles of the samples.

    Args:
        samples: (B,) one figure per resample.
        level: share of the samples inside, in (0, 1).
    Raises:
        ValueError: samples that are empty or not finite, or a level outside (0, 1).
    Source: Efron & Tibshirani 1993, chapter 13.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(vector("samples", samples), [tail, 1.0 - tail])
    return Interval(float(low), float(high))


@dataclass(frozen=True, eq=False)
class Resamples:
    """Resamples of groups with replacement, the same ones for everything they are asked for.

    Attributes:
        groups: (n,) label of each row; None where every row is a group of its own.
        n_resamples: B.
        seed: the draws depend on it and on the number of groups alone.
    Raises:
        ValueError: no resample, groups that are not (n,), or a missing label.
    Source: Field & Welsh 2007, "Bootstrapping clustered data".
    """

    groups: npt.NDArray[Any] | None = None
    n_resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_resamples < 1:
            raise ValueError(f"n_resamples is {self.n_resamples}; at least 1 is needed")
        if self.groups is not None and np.ndim(self.groups) != 1:
            raise ValueError(f"groups has shape {np.shape(self.groups)}; it must be (n,)")
        if self.groups is not None:
            _refuse_missing(self.groups)

    @cached_property
    def codes(self) -> Ints | None:
        """(n,) number of each row's group, in order of first appearance."""
        if self.groups is None:
            return None
        known: dict[object, int] = {}
        labels = np.asarray(self.groups).tolist()
        return np.array([known.setdefault(label, len(known)) for label in labels], dtype=np.int64)

    def means(self, columns: npt.ArrayLike) -> Floats:
        """(B, k) mean of every column over the rows of each resample.

        A mean is the sum over the drawn groups divided by their number of rows, so large
        groups weigh more. Column by column the same sums are made in the same order:
        equal columns have equal means, and the difference of two is a paired one.

        Args:
            columns: (n, k).
        Raises:
            ValueError: columns that are not (n, k), not finite, or not as long as groups.
        """
        return self.means_of(self.sums(columns))

    def means_of(self, sums: Floats) -> Floats:
        """`means` where only sums by group are at hand.

        Args:
            sums: (k + 1, n_groups), the last row being how many rows each group has.
        """
        totals = np.concatenate([_totals(counts, sums) for counts in self._draws(sums.shape[1])])
        return np.asarray(totals[:, :-1] / totals[:, -1:])

    def sums(self, columns: npt.ArrayLike) -> Floats:
        """(k + 1, n_groups): sum of each column by group, and the number of rows.

        Args:
            columns: (n, k).
        Raises:
            ValueError: as `means`.
        """
        columns = matrix("columns", columns)
        weights = [*columns.T, np.ones(len(columns))]
        if self.codes is None:
            return np.array(weights, order="C")
        if len(self.codes) != len(columns):
            raise ValueError(f"columns has {len(columns)} rows and groups {len(self.codes)}")
        return np.array([np.bincount(self.codes, weights=weight) for weight in weights])

    def _draws(self, n_groups: int) -> Iterator[Floats]:
        """How often each group was drawn, (some resamples, n_groups) at a time."""
        rng = np.random.default_rng(self.seed)
        size = max(1, _CHUNK // n_groups)
        for start in range(0, self.n_resamples, size):
            counts = np.empty((min(size, self.n_resamples - start), n_groups))
            for row in counts:
                row[:] = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
            yield counts


def _totals(counts: Floats, sums: Floats) -> Floats:
    """(some resamples, k + 1) sums over the drawn groups.

    Without BLAS, whose order of summation depends on its threads and on the column.
    """
    totals = np.zeros((len(counts), len(sums)))
    for start in range(0, counts.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        totals += np.einsum("bg,kg->bk", counts[:, block], sums[:, block])
    return totals


def _refuse_missing(groups: npt.NDArray[Any]) -> None:
    for row, label in enumerate(np.asarray(groups).tolist()):
        if label is None or label != label:
            raise ValueError(f"groups[{row}] is {label}; every row needs a label")
