"""Boosted trees on numbers, and on the answer if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier

from routelab.core import Floats, Ints
from routelab.errors import LearningError
from routelab.learning.design import Design
from routelab.learning.learners.bins import BinnedRegressor, ColumnBins
from routelab.learning.learners.part import FittedPart, PortablePart, class_labels, prefixed
from routelab.scorers import Trees, flatten_trees


@dataclass(frozen=True, eq=False)
class TreesPart:
    """One boosted ensemble per output.

    Attributes:
        ensembles: (k,) fitted on labels divided by their spread.
        spread: (k,) what a leaf is worth.
        logistic: the sum is the logit of a probability.
    """

    ensembles: tuple[Any, ...]
    spread: Floats
    logistic: bool

    def predict(self, design: Design, rows: Ints) -> Floats:
        matrix = design.dense("numbers", rows)
        if self.logistic:
            return np.column_stack([one.predict_proba(matrix)[:, 1] for one in self.ensembles])
        return np.column_stack([one.predict(matrix) for one in self.ensembles]) * self.spread

    def write(self, design: Design, name: str) -> PortablePart:
        features = design.dense_features("numbers")
        scorer = Trees(
            target=design.examples.target,
            outputs=design.examples.outputs,
            features=tuple(feature.name for feature in features),
            tensors=name,
            link="logit" if self.logistic else "identity",
        )
        # Flat tables: one request takes .1 ms where a call of scikit-learn takes 2.
        flat = flatten_trees(
            [_scaled(one, worth) for one, worth in zip(self.ensembles, self.spread, strict=True)]
        )
        return PortablePart(scorer, features, prefixed(name, flat))


def fit(design: Design, rows: Ints, seed: int) -> FittedPart:
    """Boosted regression trees, or classification trees for the log loss."""
    logistic = design.recipe.loss == "log"
    most, matrix = design.recipe.tree_most_rows, design.dense("numbers", rows)
    bins = (
        None
        if logistic
        else ColumnBins.of(matrix, _thinned(np.arange(len(rows)), most, seed), seed)
    )
    ensembles, spread = [], []
    for output in range(len(design.examples.outputs)):
        whole = design.examples.labels[rows, output]
        at = _thinned(np.flatnonzero(~np.isnan(whole)), most, seed)
        labels = whole[at]
        worth = 1.0 if bins is None else float(labels.std()) or 1.0
        if bins is None:
            grown: Any = _classes(design, matrix[at], labels, seed)
        else:
            empty = BinnedRegressor(**_settings(design, seed))
            grown = empty.fitted(matrix[at], labels / worth, bins, at)
        ensembles.append(grown)
        spread.append(worth)
    return TreesPart(tuple(ensembles), np.array(spread), logistic)


def _thinned(rows: Ints, most: int, seed: int) -> Ints:
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]


def _classes(design: Design, matrix: Floats, labels: Floats, seed: int) -> Any:
    classes = class_labels(labels)
    at, right, weight = classes
    if len(np.unique(right)) < 2:  # one label: a row of the other, of no weight to speak of
        at, right = np.append(at, at[:1]), np.append(right, 1 - right[:1])
        weight = np.append(weight, 0.5)
    fitted = HistGradientBoostingClassifier(**_settings(design, seed))
    return fitted.fit(matrix[at], right, weight)


def _settings(design: Design, seed: int) -> dict[str, Any]:
    recipe = design.recipe
    return {
        "max_iter": recipe.rounds,
        "learning_rate": recipe.rate,
        "max_leaf_nodes": recipe.leaves,
        "min_samples_leaf": recipe.leaf_rows,
        "l2_regularization": recipe.leaf_penalty,
        "early_stopping": False,  # it would hold out single rows, and so cut groups
        "random_state": seed,
    }


def _scaled(ensemble: Any, worth: float) -> tuple[float, list[Any]]:
    """Baseline and node tables of one ensemble, in units of the label.

    Raises:
        LearningError: scikit-learn keeps them elsewhere. It has no public name for them.
    """
    # Private names, as nothing public gives the trees, and a policy file cannot hold the object:
    # it holds no pickle, and ONNX does not convert these.
    try:
        grown, baseline = ensemble._predictors, ensemble._baseline_prediction
        tables = [tree.nodes.copy() for (tree,) in grown]
        for nodes in tables:
            nodes["value"] *= worth
    except (AttributeError, TypeError, ValueError) as error:
        raise LearningError(
            f"scikit-learn {sklearn.__version__} keeps boosted trees otherwise than 1.9 does,"
            f" so that they cannot be written ({error}): install 'scikit-learn>=1.6,<1.10', or"
            " learn without trees"
        ) from error
    return float(np.ravel(baseline)[0]) * worth, tables
