"""Ridge and logistic regression: on hashed words, on numbers, and on embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from routelab.core import Floats, Ints
from routelab.learning.design import Csr, Design
from routelab.learning.learners.part import FittedPart, PortablePart, class_labels, known, prefixed
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
    logistic = design.recipe.loss == "log"
    one = _logistic if logistic else _ridge
    weights, bias = [], []
    for output in range(len(design.examples.outputs)):
        there, labels = known(design, rows, output)
        found = _output(one, _matrix(design, kind, there, idf), labels, penalty, seed)
        weights.append(found[0])
        bias.append(found[1])
    return LinearPart(kind, np.column_stack(weights), np.array(bias), idf, logistic)


_One = Callable[[Any, Floats, float, int], tuple[Floats, float]]


def _output(
    one: _One, matrix: Csr | Floats, labels: Floats, penalty: float, seed: int
) -> tuple[Floats, float]:
    """(width,) weights and bias of one output, for the columns as they come."""
    if not isinstance(matrix, np.ndarray):
        return one(matrix, labels, penalty, seed)
    # One penalty for all columns needs them on one scale; words are so already, and centred they
    # would no longer be sparse. The weights are turned back, for features as they come.
    centre, spread = matrix.mean(axis=0), matrix.std(axis=0)
    varies = spread > 1e-12
    scaled = np.where(varies, (matrix - centre) / np.where(varies, spread, 1.0), 0.0)
    weights, bias = one(scaled, labels, penalty, seed)
    weights = np.where(varies, weights / np.where(varies, spread, 1.0), 0.0)
    return weights, bias - float(weights @ centre)


def _ridge(matrix: Any, labels: Floats, penalty: float, seed: int) -> tuple[Floats, float]:
    spread = float(labels.std()) or 1.0  # tiny labels (USD) would meet the solver's tolerance
    # Hashed words have 2**16 columns: only an iterative solver never forms their square.
    solver = "cholesky" if isinstance(matrix, np.ndarray) else "sparse_cg"
    fitted = Ridge(penalty, solver=solver, tol=1e-3, random_state=seed).fit(matrix, labels / spread)
    return fitted.coef_ * spread, float(fitted.intercept_) * spread


def _logistic(matrix: Any, labels: Floats, penalty: float, seed: int) -> tuple[Floats, float]:
    classes = class_labels(labels)
    if len(np.unique(classes.right)) < 2:
        return np.zeros(matrix.shape[1]), _certain(labels)
    fitted = LogisticRegression(C=1.0 / penalty, max_iter=500, random_state=seed)
    fitted.fit(matrix[classes.at], classes.right, classes.weight)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _certain(labels: Floats) -> float:
    """Logit of the share of successes, as if half a row of each kind had been seen too."""
    return float(np.log((labels.sum() + 0.5) / ((1.0 - labels).sum() + 0.5)))


def _matrix(design: Design, kind: str, rows: Ints, idf: Floats | None) -> Any:
    return design.word_rows(rows, idf) if kind == "words" else design.dense(kind, rows)
