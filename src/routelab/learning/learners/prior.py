"""The mean of a request's task or tenant, drawn towards the overall mean where rows are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.learning.design import Design
from routelab.learning.learners.part import FittedPart, PortablePart, prefixed
from routelab.learning.levels import common_and_rest, is_comparable
from routelab.scorers import Prior

UNSEEN = 20.0
"""Rows that the overall mean is worth where the log cannot say."""

FEWEST = 10
"""Rows beyond the first of each name, below which the spread within names is a guess."""

MOST = 1000
"""Names up to which each gets a row; of more, those that were seen once get none."""


@dataclass(frozen=True, eq=False)
class PriorPart:
    """Means by key.

    Attributes:
        keys: names known from the rows it was fitted on.
        table: (len(keys) + 1, k); the last row is for every other name.
    """

    keys: tuple[str, ...]
    table: Floats

    def predict(self, design: Design, rows: Ints) -> Floats:
        place = {key: index for index, key in enumerate(self.keys)}
        names = _names(design, rows)
        return self.table[[place.get(name, len(self.keys)) for name in names]]

    def write(self, design: Design, name: str) -> PortablePart:
        scorer = Prior(
            target=design.examples.target,
            outputs=design.examples.outputs,
            tensors=name,
            by=design.recipe.by,
            keys=self.keys,
        )
        return PortablePart(scorer, (), prefixed(name, {"table": self.table}))


def fit(design: Design, rows: Ints, seed: int) -> FittedPart:  # noqa: ARG001  (nothing is drawn)
    """Means by name, drawn to the overall mean by empirical Bayes.

    Where outputs can be compared, what they share (how hard a task is) and how they differ are
    drawn apart: routing follows the differences, which vary less between tasks.

    Source: Efron & Morris 1975.
    """
    keys, code = task_codes(design, rows)
    labels = design.examples.labels[rows]
    given = design.recipe.shrink
    if is_comparable(design, rows):
        common, rest = common_and_rest(labels)
        table = _shrunk(code, common, len(keys), given) + _shrunk(code, rest, len(keys), given)
    else:
        columns = [
            _shrunk(code, labels[:, [at]], len(keys), given) for at in range(labels.shape[1])
        ]
        table = np.hstack(columns)
    return PriorPart(tuple(keys.tolist()), table)


def task_codes(design: Design, rows: Ints) -> tuple[npt.NDArray[np.str_], Ints]:
    """Names with a mean of their own (keys,), in order, and the place of each row's (rows,).

    Rows without one have the place behind the last.
    """
    names = np.array(_names(design, rows), dtype=str)
    keys = _keys(names)
    code = np.searchsorted(keys, names)
    if len(keys):
        code = np.where(keys[np.minimum(code, len(keys) - 1)] == names, code, len(keys))
    return keys, code


def _shrunk(code: Ints, labels: Floats, keys: int, given: float | None) -> Floats:
    """(keys + 1, k) means by key and, last, over all; of outputs that are drawn alike.

    Args:
        code: (n,) key of each row; `keys` for none.
        labels: (n, k); rows with a NaN are left out.
        given: how many rows the overall mean is worth; None is to be learned.
    """
    there = ~np.isnan(labels).any(axis=1)
    code, labels = code[there], labels[there]
    overall = labels.mean(axis=0)
    count = np.bincount(code, minlength=keys + 1)[:keys].astype(np.float64)
    sums = [np.bincount(code, column, minlength=keys + 1)[:keys] for column in labels.T]
    means = np.column_stack(sums) / np.maximum(count, 1.0)[:, None]
    worth = _worth(code, labels, means, count) if given is None else given
    total = count + worth
    trust = np.divide(count, total, out=np.zeros(keys), where=(total > 0.0) & np.isfinite(total))
    table = overall + trust[:, None] * (means - overall)
    return np.vstack([table, overall])


def _worth(code: Ints, labels: Floats, means: Floats, count: Floats) -> float:
    """How many rows the overall mean is worth: variance within names over that between them.

    Source: moments of a random effect in unbalanced data, Searle, Casella & McCulloch 1992.
    """
    named = code < len(count)
    n, keys = float(count.sum()), int((count > 0).sum())
    free = n - keys
    if keys < 2 or free < FEWEST:
        return UNSEEN
    left = labels[named] - means[code[named]]
    within = float(np.square(left).sum()) / free
    centre = labels[named].mean(axis=0)
    apart = float((count[:, None] * np.square(means - centre))[count > 0].sum())
    between = (apart - (keys - 1) * within) / (n - float(np.square(count).sum()) / n)
    return within / between if between > 1e-12 * within else np.inf


def _keys(names: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Names with a mean of their own, in order."""
    keys, count = np.unique(names, return_counts=True)
    kept = (keys != "") & ((count > 1) | (len(keys) <= MOST))
    return np.asarray(keys[kept])


def _names(design: Design, rows: Ints) -> list[str]:
    examples, by = design.examples, design.recipe.by
    return [getattr(examples.requests[index], by) for index in examples.request_of[rows]]
