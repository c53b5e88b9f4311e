"""The form of every learner's result: a fitted predictor that can be exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.learning.design import BoundFeature, Design
from routelab.scorers import Scorer


class PortablePart(NamedTuple):
    """A fitted predictor as a policy file holds it.

    Attributes:
        scorer: its spec; tensors are named by the prefix it was given.
        features: what it reads.
        tensors: by full name.
    """

    scorer: Scorer
    features: tuple[BoundFeature, ...]
    tensors: dict[str, npt.NDArray[Any]]


class FittedPart(Protocol):
    """A fitted predictor of all outputs."""

    def predict(self, design: Design, rows: Ints) -> Floats:
        """(len(rows), k) predictions for these rows."""
        ...

    def write(self, design: Design, name: str) -> PortablePart:
        """The same predictor in portable form, its tensors under this name."""
        ...


class Learner(Protocol):
    """Fits a part on some rows of a design."""

    def __call__(self, design: Design, rows: Ints, seed: int) -> FittedPart: ...


def prefixed(name: str, tensors: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The tensors under the name of their scorer."""
    return {f"{name}.{key}": tensor for key, tensor in tensors.items()}


def known(design: Design, rows: Ints, output: int) -> tuple[Ints, Floats]:
    """The (observed,) rows where an output was observed, and their labels (observed,).

    Args:
        design: features and labels.
        rows: (rows,) indices of examples.
        output: column of the labels.
    """
    labels = design.examples.labels[rows, output]
    there = ~np.isnan(labels)
    return rows[there], labels[there]


class WeightedLabels(NamedTuple):
    """Labels of classes with weights: a quality of .7 is .7 of a success, .3 of a failure.

    Attributes:
        at: (n',) index into the rows they were made from.
        right: (n',) 0 or 1.
        weight: (n',) above 0.
    """

    at: Ints
    right: Ints
    weight: Floats


def class_labels(labels: Floats) -> WeightedLabels:
    """Labels in [0, 1] as weighted classes, for learners that take classes only.

    A label strictly between 0 and 1 becomes two rows.

    Args:
        labels: (n,), none of them NaN.
    """
    shares: Sequence[Floats] = (1.0 - labels, labels)
    at = [np.flatnonzero(share > 0.0) for share in shares]
    right = [np.full(len(index), value) for value, index in enumerate(at)]
    weight = [share[index] for share, index in zip(shares, at, strict=True)]
    return WeightedLabels(np.concatenate(at), np.concatenate(right), np.concatenate(weight))
