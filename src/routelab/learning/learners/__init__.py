"""What can learn: one kind a file, one line each here."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.learning.learners import linear, neighbors, prior, trees
from routelab.learning.learners.part import Learner, Part

LEARNERS: Mapping[str, Learner] = {
    "prior": prior.fit,
    "words": linear.words,
    "numbers": linear.numbers,
    "embedding": linear.embedding,
    "trees": trees.fit,
    "neighbors": neighbors.fit,
}
"""Learner by the name that recipes use."""

NEEDS_TEXT = frozenset({"words", "numbers", "embedding", "trees", "neighbors"})
"""Learners that read prompts."""

__all__ = ["LEARNERS", "NEEDS_TEXT", "Learner", "Part"]
