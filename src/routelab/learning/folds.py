"""Folds for cross-fitting, which never cut a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from routelab.core import Ints
from routelab.errors import LearningError


def by_group(groups: Ints, folds: int, seed: int) -> Ints:
    """(n,) fold of each row; a group is in one fold, folds hold about as many groups each.

    Raises:
        LearningError: fewer than two groups.
    """
    names, code = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise LearningError("all rows belong to one group, so none can be held out")
    # Groups and not rows: the turns of a conversation, or equal prompts, would be learned by heart.
    deal = np.random.default_rng(seed).permutation(len(names)) % min(folds, len(names))
    return np.asarray(deal[code])


def by_task(tasks: Sequence[str], folds: int, seed: int) -> Ints:
    """(n,) fold of each row, whole tasks together.

    Raises:
        LearningError: fewer than two tasks.
    """
    names, code = np.unique(np.asarray(tasks, dtype=str), return_inverse=True)
    if len(names) < 2:
        raise LearningError("the log names one task, so none can be left out")
    return by_group(code, folds, seed)


def each(fold: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Rows to learn from and rows to judge, fold after fold."""
    for number in range(int(fold.max()) + 1):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)
