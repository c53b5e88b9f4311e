"""What happened to the requests that are most alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import PolicyError
from routelab.scorers.grid import LIMIT, WIDEST, Shorts, on_grid
from routelab.scorers.scorer import BoundScorer, Many, One, Scorer
from routelab.signals.features import Tensors, TensorSpec, take_tensors

if TYPE_CHECKING:
    import numpy.typing as npt

_CELLS = 4_000_000
"""Distances computed at once."""


class NearestNeighbors(Scorer, frozen=True, kw_only=True, tag="neighbors"):
    """Mean target of the k nearest points, by Euclidean distance on a grid; the first of equals.

    Attributes:
        tensors: prefix of `.points` (n, width) int16, `.shift` and `.step` (width,) float64 that
            put features on the points' grid, and `.targets` (n, outputs) float64.
        k: neighbours that are averaged, 1 or more.
    """

    tensors: str
    k: int

    def bind(self, widths: Sequence[int], tensors: Tensors) -> BoundScorer:
        width = sum(widths)
        points, shift, step, targets = take_tensors(
            tensors,
            TensorSpec(f"{self.tensors}.points", "int16", (None, width)),
            TensorSpec(f"{self.tensors}.shift", "float64", (width,)),
            TensorSpec(f"{self.tensors}.step", "float64", (width,)),
            TensorSpec(f"{self.tensors}.targets", "float64", (None, len(self.outputs))),
        )
        problems = []
        if width > WIDEST:
            problems.append(f"{width} columns; neighbours are found among at most {WIDEST}")
        if len(points) != len(targets):
            problems.append(f"{len(points)} points have {len(targets)} targets")
        if not 1 <= self.k <= len(points):
            problems.append(f"k is {self.k}; it must lie in [1, {len(points)}], the points there")
        if len(points) and np.abs(points.astype(np.int32)).max(initial=0) > LIMIT:
            problems.append(f"a point is outside the grid [-{LIMIT}, {LIMIT}]")
        if problems:
            raise PolicyError(*(f"neighbours {self.tensors!r}: {it}" for it in problems))
        return _BoundNeighbors(self, points, shift, step, targets)


class _BoundNeighbors(BoundScorer):
    def __init__(
        self, spec: NearestNeighbors, points: Shorts, shift: Floats, step: Floats, targets: Floats
    ) -> None:
        self._features, self._k = spec.features, spec.k
        self._points = points.astype(np.int32)
        self._square = np.einsum("ij,ij->i", self._points, self._points).astype(np.int64)
        self._shift, self._step = shift, step
        self._targets = targets
        self._order = np.arange(len(points))

    def one(self, asked: One) -> Sequence[float]:
        indices, values = asked.vector(self._features)
        dense = np.zeros((1, len(self._shift)))
        dense[0, indices] = values
        scores: list[list[float]] = self._mean(dense).tolist()
        return scores[0]

    def many(self, asked: Many) -> Floats:
        dense = asked.matrix(self._features).dense()
        block = max(1, _CELLS // len(self._points))
        starts = range(0, max(len(dense), 1), block)
        return np.concatenate([self._mean(dense[start : start + block]) for start in starts])

    def _mean(self, dense: Floats) -> Floats:
        """(n, outputs) mean over neighbours, added from the nearest on."""
        near = self._targets[self._nearest(dense)]
        sums: npt.NDArray[Any] = np.add.accumulate(near, axis=1)[:, -1]
        return sums / self._k

    def _nearest(self, dense: Floats) -> Ints:
        """(n, k) rows of points; whole numbers leave no doubt about order or ties."""
        query = on_grid(dense, self._shift, self._step).astype(np.int32)
        alike = np.einsum("ij,kj->ki", self._points, query)  # integers: exact in any order
        apart = self._square - 2 * alike.astype(np.int64)
        ranked = apart * len(self._points) + self._order
        if self._k < len(self._points):
            ranked = np.partition(ranked, self._k - 1, axis=1)[:, : self._k]
        return np.sort(ranked, axis=1) % len(self._points)
