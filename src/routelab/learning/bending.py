"""Calibration of all models at once, which moves the differences between them.

A calibrator of each model apart mends that model's error, and adds the errors of two models up
where routing needs their difference. Here only the differences are fitted, on how hard a request
is for all: models differ least where all succeed or all fail.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.learning import folds
from routelab.scorers import JOINT_EDGE, joint_scores

ROWS = 1000
"""Rows below which differences are left as they are: what few rows say of them is noise."""

PULL = 200.0
"""Rows that no bending at all is worth."""


class Bending(NamedTuple):
    """The parameters of a `routelab.scorers.Joint`.

    Attributes:
        centre, spread: of the mean score.
        moves: (k,) slope and curve of each output; both add up to nothing.
    """

    centre: float
    spread: float
    moves: tuple[tuple[float, float], ...]

    def __call__(self, scores: Floats) -> Floats:
        return joint_scores(scores, self.centre, self.spread, self.moves)


def fit(scores: Floats, labels: Floats) -> Bending | None:
    """What a parabola of the mean score says of the differences that scores leave.

    Args:
        scores: (n, k) of rows not learned from.
        labels: (n, k), none of them NaN.
    """
    mean = scores.mean(axis=1)
    centre, spread = float(mean.mean()), float(mean.std())
    if spread <= 1e-9:
        return None
    z = np.clip((mean - centre) / spread, -JOINT_EDGE, JOINT_EDGE)
    basis = np.column_stack([z, z * z - 1.0])
    left = labels - scores
    left = left - left.mean(axis=1, keepdims=True)
    left = left - left.mean(axis=0)
    found = np.linalg.solve(basis.T @ basis + PULL * np.eye(2), basis.T @ left)
    return Bending(centre, spread, tuple((float(a), float(b)) for a, b in found.T))


def crossfit(scores: Floats, labels: Floats, fold: Ints) -> Floats:
    """(n, k) bent scores, each as fitted on other folds."""
    bent = np.empty_like(scores)
    for here, there in folds.each(fold):
        found = fit(scores[here], labels[here])
        bent[there] = scores[there] if found is None else found(scores[there])
    return bent
