"""Permutation importance: how much worse a scorer gets when one feature is shuffled."""

from __future__ import annotations

import msgspec
import numpy as np

from routelab.core import Floats, Ints
from routelab.learning import ensemble, folds
from routelab.learning.design import Design
from routelab.learning.ensemble import Ensemble
from routelab.learning.examples import Examples
from routelab.learning.learners import NEEDS_TEXT
from routelab.learning.recipe import Recipe

MOST_ROWS = 2000
"""Rows judged at most: every feature is shuffled, and the scorer asked again, in turn."""


class Importance(msgspec.Struct, frozen=True):
    """Rise of the mean squared error of held-out rows when a feature is shuffled.

    Attributes:
        feature: a number's name; "words", "task" or "tenant" for all of their kind.
        rise: above 0; features that only did harm are left out.
        share: of the sum of all.
    """

    feature: str
    rise: float
    share: float


def importance(made: Examples, recipe: Recipe, seed: int = 0) -> tuple[Importance, ...]:
    """Features of a recipe, the most important first, judged on a fifth of the groups.

    Source: Breiman 2001 (permutation importance).
    """
    design = Design(made, recipe)
    here, there = next(folds.each(folds.by_group(made.groups, 5, seed)))
    here = here[ensemble.thin(len(here), recipe.most_rows, seed)]
    return important(design, ensemble.fit(design, here, seed), there, seed)


def important(
    design: Design, found: Ensemble, there: Ints, seed: int = 0
) -> tuple[Importance, ...]:
    """`importance` in what was fitted already, judged on rows that it never saw."""
    made = design.examples
    there = there[ensemble.thin(len(there), MOST_ROWS, seed)]
    base = _error(found.predict(design, there), made.labels[there])
    rng = np.random.default_rng(seed)
    rises = {
        name: _error(found.predict(design.shuffled(name, rng), there), made.labels[there]) - base
        for name in _features(design, found.names)
    }
    useful = {name: rise for name, rise in rises.items() if rise > 0.0}
    ordered = sorted(useful.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Importance(name, rise, rise / sum(useful.values())) for name, rise in ordered)


def _features(design: Design, learners: tuple[str, ...]) -> list[str]:
    whole: list[str] = [name for name in ("words", "embedding") if name in learners]
    if "prior" in learners:
        whole.append(design.recipe.by)
    reads_numbers = NEEDS_TEXT.intersection(learners) - {"words", "embedding"}
    return [*whole, *(design.names("numbers") if reads_numbers else ())]


def _error(scores: Floats, labels: Floats) -> float:
    return float(np.nanmean(np.square(scores - labels)))
