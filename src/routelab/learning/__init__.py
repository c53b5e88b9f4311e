"""Scorers learned from a log, and an honest account of what they are worth.

The only user of scikit-learn. `fit` makes a portable scorer of a recipe and one target;
`account` says how well the recipe ranks requests that it never saw.
"""

from routelab.learning.diagnosis.account import LearningAccount, account
from routelab.learning.diagnosis.loss import loss
from routelab.learning.examples import Examples, Target
from routelab.learning.fit import crossfit, fit, fit_examples
from routelab.learning.fitted_scorers import FittedScorers
from routelab.learning.recipe import Recipe, Span, recipe, space
from routelab.learning.targets import examples

__all__ = [
    "Examples",
    "FittedScorers",
    "LearningAccount",
    "Recipe",
    "Span",
    "Target",
    "account",
    "crossfit",
    "examples",
    "fit",
    "fit_examples",
    "loss",
    "recipe",
    "space",
]
