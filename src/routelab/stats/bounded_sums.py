"""Values in a known range, summed by group: what tests of a mean are made on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Floats
from routelab.stats.arrays import align, vector, within


class MeanEstimate(NamedTuple):
    """A mean over rows, and its standard error robust to groups.

    Attributes:
        mean: in units of the values.
        error: its standard error; NaN with one group.
    """

    mean: float
    error: float


@dataclass(frozen=True, eq=False)
class BoundedSums:
    """Sums over the rows of each group (G), of values that all lie in [low, high].

    The group is what is drawn at random, so it is the unit of every test; the mean asked
    about is that over rows, `E[sum] / E[size]`, so that large groups weigh more.

    Attributes:
        sums: (G,) of the values of each group, in an order that does not depend on them.
        sizes: (G,) rows of each group.
        low, high: what no value of a row can leave, known before the values are seen.
        largest: rows that no group can exceed, known before too.
    Raises:
        ValueError: a range that is empty, a group that is empty or larger than `largest`, or
            a sum that its range does not allow.
    """

    sums: Floats
    sizes: Floats
    low: float
    high: float
    largest: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"range is [{self.low}, {self.high}]; it must be finite and not empty")
        vector("sums", self.sums)
        within("sizes", self.sizes, 1, self.largest)
        align(sums=self.sums, sizes=self.sizes)
        slack = 1e-9 * self.largest * (self.high - self.low)
        above = self.sums > self.sizes * self.high + slack
        below = self.sums < self.sizes * self.low - slack
        if bool((above | below).any()):
            group = int(np.flatnonzero(above | below)[0])
            raise ValueError(
                f"sums[{group}] is {self.sums[group]} over {self.sizes[group]:g} rows; no value"
                f" may leave [{self.low:g}, {self.high:g}]"
            )

    def __len__(self) -> int:
        return len(self.sums)

    @property
    def negated(self) -> BoundedSums:
        """The same of minus the values, for bounds from below."""
        return replace(self, sums=-self.sums, low=-self.high, high=-self.low)

    @property
    def estimate(self) -> MeanEstimate:
        """The mean over rows, with its standard error by linearisation.

        Source: Liang & Zeger 1986.
        """
        rows, groups = float(self.sizes.sum()), len(self)
        mean = math.fsum(self.sums) / rows
        if groups < 2:
            return MeanEstimate(mean, math.nan)
        rest = self.sums - mean * self.sizes
        scale = math.sqrt(groups / (groups - 1))
        return MeanEstimate(mean, scale * math.sqrt(float(np.square(rest).sum())) / rows)


def grouped(
    values: npt.ArrayLike,
    groups: npt.NDArray[Any] | None,
    low: float,
    high: float,
    *,
    largest: int | None = None,
) -> BoundedSums:
    """Rows summed by group, groups in order of first appearance.

    Args:
        values: (n,) in [low, high], in an order that does not depend on them.
        groups: (n,) label of each row; None where every row is a group of its own.
        largest: rows that count of a group, the first ones; default as many as there are.
    Raises:
        ValueError: as `BoundedSums`, or groups that are not (n,).
    """
    rows = within("values", values, low, high)
    if groups is None:
        return BoundedSums(rows, np.ones(len(rows)), low, high, largest or 1)
    if np.shape(groups) != rows.shape:
        raise ValueError(f"groups has shape {np.shape(groups)}; it must be {rows.shape}")
    _, first, code = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    code = rank[code]
    if largest is not None:
        kept = place(code) < largest
        rows, code = rows[kept], code[kept]
    sizes = np.bincount(code).astype(np.float64)
    sums = np.bincount(code, rows).astype(np.float64)
    return BoundedSums(sums, sizes, low, high, largest or int(sizes.max()))


def place(code: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n,) how many rows of the same group come before each row."""
    order = np.argsort(code, kind="stable")
    ordered = code[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(code)])
    found = np.empty(len(code), dtype=np.int64)
    found[order] = np.arange(len(code)) - np.repeat(starts, lengths)
    return found
