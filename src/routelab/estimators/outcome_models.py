"""Outcome models: what a model's answer is expected to come to, before it is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from routelab.core import Floats, Ints

Predict: TypeAlias = "Callable[[CallFeatures], Floats]"
"""(k,) predictions for the requests of some features."""


class CallFeatures(NamedTuple):
    """What is known before some calls (k).

    Attributes:
        task: (k,) number of the request's task.
        numbers: (k, d) about the request and the answers before.
    """

    task: Ints
    numbers: Floats

    def take(self, rows: Ints) -> CallFeatures:
        """Those of some calls (k,)."""
        return CallFeatures(self.task[rows], self.numbers[rows])


class OutcomeModel(Protocol):
    """Learns from calls of one model; a scorer's learner fits behind these two lines too."""

    def fit(self, known: CallFeatures, values: Floats) -> Predict:
        """What predicts the outcome of calls.

        Args:
            known: of calls (k), k >= 1.
            values: (k,) finite outcomes, in their own units.
        """
        ...


@dataclass(frozen=True)
class MeanByTask:
    """The mean of the task, drawn towards the mean of all tasks where a task is rare.

    Attributes:
        prior: calls that the mean of all counts as, in each task.
    """

    prior: float = 5.0

    def fit(self, known: CallFeatures, values: Floats) -> Predict:
        sums = np.asarray(np.bincount(known.task, values), dtype=np.float64)
        overall = float(values.mean())
        means = self.means(sums, np.bincount(known.task), overall)

        def predict(asked: CallFeatures) -> Floats:
            there = asked.task < len(means)
            return np.where(there, means[np.where(there, asked.task, 0)], overall)

        return predict

    def means(self, sums: Floats, counts: Floats | Ints, overall: Floats | float) -> Floats:
        """Means of cells, drawn towards a mean of all.

        Args:
            sums, counts: (c,) of each cell, or of any other shape.
            overall: () what a cell without calls has, or of a shape that fits.
        """
        return np.asarray((sums + self.prior * overall) / (counts + self.prior))


@dataclass(frozen=True)
class Ridge:
    """Least squares on the numbers and on an indicator of each task, with shrunk coefficients.

    Attributes:
        penalty: calls that pull each coefficient of a standardised column to 0.
        tasks: most tasks that get an indicator; rarer ones share none.
    Source: Hoerl & Kennard 1970.
    """

    penalty: float = 10.0
    tasks: int = 64

    def fit(self, known: CallFeatures, values: Floats) -> Predict:
        common = np.argsort(-np.bincount(known.task), kind="stable")[: self.tasks]
        centre = known.numbers.mean(axis=0)
        spread = known.numbers.std(axis=0)
        scale = np.where(spread > 1e-12 * (1.0 + np.abs(centre)), spread, np.inf)  # constants: 0

        def columns(asked: CallFeatures) -> Floats:
            flags = asked.task[:, None] == common[None, :]
            return np.hstack([(asked.numbers - centre) / scale, flags.astype(np.float64)])

        mean, x = float(values.mean()), columns(known)
        middle = x.mean(axis=0)
        x -= middle
        gram = x.T @ x
        gram[np.diag_indices_from(gram)] += self.penalty
        slopes = np.linalg.solve(gram, x.T @ (values - mean))

        def predict(asked: CallFeatures) -> Floats:
            return np.asarray(mean + (columns(asked) - middle) @ slopes)

        return predict
