"""Learners: one kind a file, one line each here."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.core import Ints
from routelab.learning.design import Design
from routelab.learning.learners import linear, neighbors, prior
from routelab.learning.learners.part import FittedPart, Learner, PortablePart, class_labels
from routelab.learning.learners.prior import PriorPart, task_codes


def _trees(design: Design, rows: Ints, seed: int) -> FittedPart:
    from routelab.learning.learners import trees  # scikit-learn, which takes seconds to load

    return trees.fit(design, rows, seed)


LEARNERS: Mapping[str, Learner] = {
    "prior": prior.fit,
    "words": linear.words,
    "numbers": linear.numbers,
    "embedding": linear.embedding,
    "trees": _trees,
    "neighbors": neighbors.fit,
}
"""Learner by the name that recipes use."""

MATRICES: Mapping[str, str] = {
    "words": "words",
    "numbers": "numbers",
    "embedding": "embedding",
    "trees": "numbers",
    "neighbors": "",
}
"""The matrix of a design that a learner of texts reads; empty for the recipe's `near`."""

NEEDS_TEXT = frozenset(MATRICES)
"""Learners that read prompts."""

__all__ = [
    "LEARNERS",
    "MATRICES",
    "NEEDS_TEXT",
    "FittedPart",
    "Learner",
    "PortablePart",
    "PriorPart",
    "class_labels",
    "task_codes",
]
