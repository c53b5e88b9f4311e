"""The cross-fitted error of a recipe, by which recipes are compared."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats
from routelab.learning import ensemble
from routelab.learning.design import Design
from routelab.learning.examples import Examples
from routelab.learning.recipe import Recipe


def loss(made: Examples, recipe: Recipe, *, seed: int = 0) -> float:
    """Cross-fitted mean squared error, in units of each output's variance, over the outputs.

    0 is perfect, 1 as good as the mean alone. For probabilities it is the Brier score relative to
    that of the mean, which rewards both ranking and calibration; the calibrator is judged on folds
    that it never saw, as the learners are.

    Args:
        made: rows of the train part.
        recipe: to judge.
        seed: of folds, learners and draws of rows.
    Raises:
        LearningError: as `fit`.
    """
    rows = ensemble.thin(len(made), recipe.most_rows, seed)
    design = Design(made.take(rows), recipe)
    fitted = ensemble.fit(design, np.arange(len(rows)), seed)
    return float(np.mean(_relative(fitted.held_out, design.examples.labels)))


def _relative(scores: Floats, labels: Floats) -> Floats:
    spread = np.nanvar(labels, axis=0)
    error = np.nanmean(np.square(scores - labels), axis=0)
    varies = spread > 0.0
    return np.asarray(error[varies] / spread[varies])
