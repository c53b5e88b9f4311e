"""The mean of a request's task or tenant, drawn towards the overall mean where rows are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.learning.design import Design
from routelab.learning.learners.part import FittedPart, PortablePart, known, prefixed
from routelab.scorers import Prior


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
    """Means by name, shrunk as if `shrink` rows more had the overall mean.

    Source: Efron & Morris 1975.
    """
    keys = tuple(sorted(set(_names(design, rows)) - {""}))
    outputs = range(len(design.examples.outputs))
    columns = [_column(design, keys, *known(design, rows, output)) for output in outputs]
    return PriorPart(keys, np.column_stack(columns))


def _column(
    design: Design, keys: tuple[str, ...], rows: Ints, labels: Floats
) -> npt.NDArray[np.float64]:
    """(len(keys) + 1,) means of one output."""
    place = {key: index for index, key in enumerate(keys)}
    code = [place.get(name, len(keys)) for name in _names(design, rows)]
    count = np.bincount(code, minlength=len(keys) + 1)
    total = np.bincount(code, weights=labels, minlength=len(keys) + 1)
    overall = float(labels.mean())
    weight = count + design.recipe.shrink
    means = (total + design.recipe.shrink * overall) / np.where(weight > 0.0, weight, 1.0)
    # Names that were never seen get the overall mean, as do known ones of no weight.
    means[(weight == 0.0) | (np.arange(len(means)) == len(keys))] = overall
    return means


def _names(design: Design, rows: Ints) -> list[str]:
    examples, by = design.examples, design.recipe.by
    return [getattr(examples.requests[index], by) for index in examples.request_of[rows]]
