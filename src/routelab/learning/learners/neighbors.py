"""The mean label of the nearest requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.learning.design import Design
from routelab.learning.learners.part import FittedPart, PortablePart, prefixed
from routelab.scorers import NearestNeighbors, on_grid

_STEPS = 100.0
"""Grid points to a standard deviation: far finer than what neighbours differ by."""

_BLOCK = 512  # rows whose distances are held at once


@dataclass(frozen=True, eq=False)
class NeighborsPart:
    """Kept rows on an integer grid, where distances are exact.

    Attributes:
        points: (kept, width).
        shift, step: (width,) of the grid.
        targets: (kept, k) labels.
        k: how many neighbours vote.
    """

    points: npt.NDArray[np.int16]
    shift: Floats
    step: Floats
    targets: Floats
    k: int

    def predict(self, design: Design, rows: Ints) -> Floats:
        asked = on_grid(design.dense(design.recipe.near, rows), self.shift, self.step)
        blocks = range(0, len(asked), _BLOCK)
        found = [self._vote(asked[start : start + _BLOCK]) for start in blocks]
        return np.concatenate([np.empty((0, self.targets.shape[1])), *found])

    def _vote(self, asked: npt.NDArray[np.int16]) -> Floats:
        here, kept = asked.astype(np.float64), self.points.astype(np.float64)
        # sums of squares of small integers, which float64 holds exactly
        distance = (here**2).sum(axis=1)[:, None] - 2.0 * here @ kept.T + (kept**2).sum(axis=1)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : self.k]
        return np.asarray(self.targets[nearest].mean(axis=1))

    def write(self, design: Design, name: str) -> PortablePart:
        features = design.dense_features(design.recipe.near)
        scorer = NearestNeighbors(
            target=design.examples.target,
            outputs=design.examples.outputs,
            features=tuple(feature.name for feature in features),
            tensors=name,
            k=self.k,
        )
        tensors: dict[str, npt.NDArray[Any]] = {
            "points": self.points,
            "shift": self.shift,
            "step": self.step,
            "targets": self.targets,
        }
        return PortablePart(scorer, features, prefixed(name, tensors))


def fit(design: Design, rows: Ints, seed: int) -> FittedPart:
    """Keep some rows, at random where there are too many.

    A label that was not observed counts as the mean of those that were.
    """
    recipe = design.recipe
    # All points go into the policy file, and each decision measures its distance to every one.
    if len(rows) > recipe.points:
        chosen = np.random.default_rng(seed).choice(len(rows), recipe.points, replace=False)
        rows = rows[np.sort(chosen)]
    labels = design.examples.labels[rows]
    targets = np.where(np.isnan(labels), np.nanmean(labels, axis=0), labels)
    matrix = design.dense(recipe.near, rows)
    shift, spread = matrix.mean(axis=0), matrix.std(axis=0)
    step = np.where(spread > 1e-12, _STEPS / np.where(spread > 1e-12, spread, 1.0), 0.0)
    points = on_grid(matrix, shift, step)
    return NeighborsPart(points, shift, step, targets, min(recipe.neighbors, len(points)))
