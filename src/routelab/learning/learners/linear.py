"""Ridge and logistic regression: on hashed words, on numbers, and on embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from routelab.core import Floats, Ints
from routelab.learning.design import Csr, Design
from routelab.learning.learners import ridge
from routelab.learning.learners.part import FittedPart, PortablePart, class_labels, known, prefixed
from routelab.learning.levels import common_and_rest, is_comparable
from routelab.scorers import Linear


@dataclass(frozen=True, eq=False)
class LinearPart:
    """Weights over one family of features.

    Attributes:
        kind: "words", "numbers" or "embedding".
        weights, bias: (width, k) and (k,), for the features as they come.
        idf: (width,) of words; None without.
        logistic: the sum is the logit of a probability.
    """

    kind: str
    weights: Floats
    bias: Floats
    idf: Floats | None
    logistic: bool

    def predict(self, design: Design, rows: Ints) -> Floats:
        total = np.asarray(_matrix(design, self.kind, rows, self.idf) @ self.weights) + self.bias
        return 1.0 / (1.0 + np.exp(-total)) if self.logistic else total

    def write(self, design: Design, name: str) -> PortablePart:
        if self.kind == "words":
            features: tuple[Any, ...] = (design.words_feature(self.idf),)
        else:
            features = design.dense_features(self.kind)
        scorer = Linear(
            target=design.examples.target,
            outputs=design.examples.outputs,
            features=tuple(feature.name for feature in features),
            tensors=name,
            link="logit" if self.logistic else "identity",
        )
        return PortablePart(
            scorer, features, prefixed(name, {"weights": self.weights, "bias": self.bias})
        )


def words(design: Design, rows: Ints, seed: int) -> FittedPart:
    """On hashed words, weighted by how rare they are."""
    idf = design.idf(rows) if design.recipe.idf else None
    return _fit(design, rows, "words", idf, design.recipe.words_penalty, seed)


def numbers(design: Design, rows: Ints, seed: int) -> FittedPart:
    """On counts and shares of the text, and on the answer if there is one."""
    return _fit(design, rows, "numbers", None, design.recipe.numbers_penalty, seed)


def embedding(design: Design, rows: Ints, seed: int) -> FittedPart:
    """On mean word embeddings, and on the answer if there is one."""
    return _fit(design, rows, "embedding", None, design.recipe.embedding_penalty, seed)


def _fit(
    design: Design, rows: Ints, kind: str, idf: Floats | None, penalty: float, seed: int
) -> FittedPart:
    if design.recipe.loss == "log":
        return _logits(design, rows, kind, idf, penalty, seed)
    labels = design.examples.labels[rows]
    if kind != "words" and is_comparable(design, rows):
        # What outputs share and how they differ have penalties of their own.
        shared, rest = common_and_rest(labels)
        matrix = design.dense(kind, rows)
        (of_all, level), (weights, bias) = (
            ridge.dense(matrix, it, penalty) for it in (shared[:, :1], rest)
        )
        return LinearPart(kind, of_all + weights, level + bias, idf, logistic=False)
    k = labels.shape[1]
    width = design.words.shape[1] if kind == "words" else design.dense(kind, rows[:0]).shape[1]
    weights, bias = np.empty((width, k)), np.empty(k)
    for outputs, there in _alike(labels):
        spread = _spread(labels[there][:, outputs])
        found = _ridge(design, rows[there], kind, idf, labels[there][:, outputs] / spread, penalty)
        weights[:, outputs], bias[outputs] = found[0] * spread, found[1] * spread
    return LinearPart(kind, weights, bias, idf, logistic=False)


def _alike(labels: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Outputs that were observed on the same rows, and those rows."""
    there = ~np.isnan(labels)
    _, code = np.unique(there, axis=1, return_inverse=True)
    code = code.ravel()
    for number in range(int(code.max()) + 1):
        outputs = np.flatnonzero(code == number)
        yield outputs, np.flatnonzero(there[:, outputs[0]])


def _spread(labels: Floats) -> Floats:
    """(k,) standard deviations: labels on one scale share a penalty, whatever their units."""
    spread = labels.std(axis=0)
    return np.asarray(np.where(spread > 0.0, spread, 1.0))


def _ridge(
    design: Design, rows: Ints, kind: str, idf: Floats | None, labels: Floats, penalty: float
) -> tuple[Floats, Floats]:
    if kind != "words":
        return ridge.dense(design.dense(kind, rows), labels, penalty)
    requests, of_row = np.unique(design.examples.request_of[rows], return_inverse=True)
    return ridge.sparse(design.words_of(requests, idf), of_row.ravel(), labels, penalty)


def _logits(
    design: Design, rows: Ints, kind: str, idf: Floats | None, penalty: float, seed: int
) -> FittedPart:
    weights, bias = [], []
    for output in range(len(design.examples.outputs)):
        there, labels = known(design, rows, output)
        found = _output(_matrix(design, kind, there, idf), labels, penalty, seed)
        weights.append(found[0])
        bias.append(found[1])
    return LinearPart(kind, np.column_stack(weights), np.array(bias), idf, logistic=True)


def _output(
    matrix: Csr | Floats, labels: Floats, penalty: float, seed: int
) -> tuple[Floats, float]:
    """(width,) weights and bias of one output, for the columns as they come."""
    if not isinstance(matrix, np.ndarray):
        return _logistic(matrix, labels, penalty, seed)
    # One penalty for all columns needs them on one scale; words are so already, and centred they
    # would no longer be sparse. The weights are turned back, for features as they come.
    centre, spread = matrix.mean(axis=0), matrix.std(axis=0)
    varies = spread > 1e-12
    scaled = np.where(varies, (matrix - centre) / np.where(varies, spread, 1.0), 0.0)
    weights, bias = _logistic(scaled, labels, penalty, seed)
    weights = np.where(varies, weights / np.where(varies, spread, 1.0), 0.0)
    return weights, bias - float(weights @ centre)


def _logistic(matrix: Any, labels: Floats, penalty: float, seed: int) -> tuple[Floats, float]:
    classes = class_labels(labels)
    if len(np.unique(classes.right)) < 2:
        return np.zeros(matrix.shape[1]), _certain(labels)
    from sklearn.linear_model import LogisticRegression  # which takes seconds to load

    fitted = LogisticRegression(C=1.0 / penalty, max_iter=500, random_state=seed)
    fitted.fit(matrix[classes.at], classes.right, classes.weight)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _certain(labels: Floats) -> float:
    """Logit of the share of successes, as if half a row of each kind had been seen too."""
    return float(np.log((labels.sum() + 0.5) / ((1.0 - labels).sum() + 0.5)))


def _matrix(design: Design, kind: str, rows: Ints, idf: Floats | None) -> Any:
    return design.word_rows(rows, idf) if kind == "words" else design.dense(kind, rows)
