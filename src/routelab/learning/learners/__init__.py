"""Learners: one kind a file, one line each here."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.learning.learners import linear, neighbors, prior, trees
from routelab.learning.learners.part import FittedPart, Learner, PortablePart, class_labels
from routelab.learning.learners.prior import PriorPart, task_codes

LEARNERS: Mapping[str, Learner] = {
    "prior": prior.fit,
    "words": linear.words,
    "numbers": linear.numbers,
    "embedding": linear.embedding,
    "trees": trees.fit,
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
