"""Scorers learned from a log, and what they are worth on requests they never saw.

The only user of scikit-learn. `fit` makes a portable scorer of a recipe and one target;
`account` says how well the recipe ranks requests that it never saw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.learning.fit import fit
from routelab.learning.recipe import recipe

if TYPE_CHECKING:
    from routelab.learning.diagnosis import LearningAccount, account, loss
    from routelab.learning.examples import Examples, Target
    from routelab.learning.fit import crossfit, fit_examples
    from routelab.learning.fitted_scorers import FittedScorers
    from routelab.learning.recipe import Recipe, Span, space
    from routelab.learning.shared_requests import SharedRequests
    from routelab.learning.targets import training_examples
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Examples": "examples",
            "FittedScorers": "fitted_scorers",
            "LearningAccount": "diagnosis",
            "Recipe": "recipe",
            "SharedRequests": "shared_requests",
            "Span": "recipe",
            "Target": "examples",
            "account": "diagnosis",
            "crossfit": "fit",
            "training_examples": "targets",
            "fit_examples": "fit",
            "loss": "diagnosis",
            "space": "recipe",
        },
    )

__all__ = [
    "Examples",
    "FittedScorers",
    "LearningAccount",
    "Recipe",
    "SharedRequests",
    "Span",
    "Target",
    "account",
    "crossfit",
    "fit",
    "fit_examples",
    "loss",
    "recipe",
    "space",
    "training_examples",
]
