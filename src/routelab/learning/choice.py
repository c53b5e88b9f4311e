"""Which of several recipes to fit, by what held-out rows of the train part say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from routelab.core.table import Floats
from routelab.errors import LearningError
from routelab.learning import ensemble
from routelab.learning.design import Design
from routelab.learning.examples import Examples
from routelab.learning.recipe import Recipe


class Choice(NamedTuple):
    """The best recipe, and the loss of all.

    Attributes:
        recipe: of least loss; the first of equals.
        losses: by place, see `loss`; infinite where the recipe cannot be fitted.
    """

    recipe: Recipe
    losses: tuple[float, ...]


def choose(made: Examples, recipes: Sequence[Recipe], *, seed: int = 0) -> Choice:
    """The recipe of least loss on held-out folds of the train part.

    Raises:
        LearningError: no recipe at all, or none that can be fitted.
    """
    losses: list[float] = []
    problems: list[str] = []
    for recipe in recipes:
        try:
            losses.append(loss(made, recipe, seed=seed))
        except LearningError as error:
            losses.append(float("inf"))
            problems.extend(error.problems)
    if not np.isfinite(losses).any():
        raise LearningError(*(problems or ["no recipe to choose from"]))
    return Choice(recipes[int(np.argmin(losses))], tuple(losses))


def loss(made: Examples, recipe: Recipe, *, seed: int = 0) -> float:
    """Cross-fitted mean squared error, in units of each output's variance, over the outputs.

    0 is perfect, 1 as good as the mean alone. For probabilities this is the Brier score,
    which rewards both ranking and calibration.

    Raises:
        LearningError: as `fit`.
    """
    rows = ensemble.thin(len(made), recipe.most_rows, seed)
    design = Design(made.take(rows), recipe)
    found = ensemble.fit(design, np.arange(len(rows)), seed)
    return float(np.mean(_relative(found.held_out, design.examples.labels)))


def _relative(scores: Floats, labels: Floats) -> Floats:
    spread = np.nanvar(labels, axis=0)
    error = np.nanmean(np.square(scores - labels), axis=0)
    varies = spread > 0.0
    return np.asarray(error[varies] / spread[varies])
