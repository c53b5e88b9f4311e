"""A blend of fitted learners, before it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import LearningError
from routelab.learning import blend, calibration, folds
from routelab.learning.design import Design
from routelab.learning.fitted_scorers import FittedScorers
from routelab.learning.learners import LEARNERS, MATRICES, NEEDS_TEXT, FittedPart, PortablePart
from routelab.learning.parallel_fits import alone, parallel_fits
from routelab.scorers import Blend, to_wire
from routelab.signals.features import to_wire as feature_to_wire

TREES = "trees"

PROBABILITIES = frozenset({"quality"})
"""Targets whose scores are probabilities, and are calibrated."""

MIN_ROWS = 30
"""Fewer labelled rows than this teach nothing that a held-out row would confirm."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Learners with their weights and calibrators.

    Attributes:
        names: of the learners that could be used, in the order of the recipe.
        parts, weights: of each.
        calibrators: (k,) or empty; None leaves an output as it is.
        held_out: (n, k) scores of the rows it was fitted on, by learners and calibrators that
            never saw them; only the weights did.
        rows: (n,) those rows.
    """

    names: tuple[str, ...]
    parts: tuple[FittedPart, ...]
    weights: tuple[float, ...]
    calibrators: tuple[Any, ...]
    held_out: Floats
    rows: Ints

    def predict(self, design: Design, rows: Ints) -> Floats:
        """(len(rows), k) scores."""
        about = len(rows) * len(design.examples.outputs)
        each = parallel_fits((partial(part.predict, design, rows) for part in self.parts), about)
        joined = blend.join(each, self.weights)
        return calibration.apply(self.calibrators, joined)

    def write(self, design: Design, name: str) -> FittedScorers:
        """The same scorer in portable form; the parts of a blend are called `name.part`."""
        if len(self.parts) == 1:
            written = self.parts[0].write(design, name)
            scorers = {name: msgspec.structs.replace(written.scorer, calibrators=self.calibrators)}
            return _together([written], scorers)
        keys = [f"{name}.{part}" for part in self.names]
        each = [part.write(design, key) for part, key in zip(self.parts, keys, strict=True)]
        whole = Blend(
            target=design.examples.target,
            outputs=design.examples.outputs,
            parts=tuple(keys),
            weights=self.weights,
            calibrators=self.calibrators,
        )
        scorers = {key: part.scorer for key, part in zip(keys, each, strict=True)}
        return _together(each, {**scorers, name: whole})


def fit(design: Design, rows: Ints, seed: int) -> Ensemble:
    """Fit every learner on these rows, and on folds of them to weigh and to calibrate.

    Args:
        design: features and labels.
        rows: (rows,) indices of the examples to fit on.
        seed: of folds and learners.
    Raises:
        LearningError: too few labelled rows, one group, or no learner that the log can feed.
    """
    _refuse_few(design, rows)
    with alone():
        return _fit(design, rows, usable(design), seed)


def _fit(design: Design, rows: Ints, names: tuple[str, ...], seed: int) -> Ensemble:
    layered = _layered(design, names)
    first = tuple(name for name in names if not (layered and name == TREES))
    labels = design.examples.labels[rows]
    parts, held_out = _learned(design, rows, first, seed)
    weights = blend.weights(held_out, labels, design.recipe.even)
    joined = blend.join(held_out, weights)
    # On what held-out predictions left, not on what fits of the same rows left: that would be
    # smaller than what is left on new requests.
    if layered:
        rest = design.relabelled(rows, labels - joined)
        trees, left = _learned(rest, rows, (TREES,), seed)
        joined, parts = joined + left[0], parts + trees
        first, weights = (*first, TREES), (*weights, 1.0)
    calibrators = _calibrators(design, joined, labels)
    # What ships is calibrated by all rows; what is judged must not be, or it flatters itself.
    if calibrators:
        joined = calibration.crossfit(
            design.recipe.calibrator, joined, labels, _folds(design, rows, seed)
        )
    return Ensemble(first, tuple(parts), weights, calibrators, joined, rows)


def _layered(design: Design, names: tuple[str, ...]) -> bool:
    """Whether trees learn what the others leave, instead of the labels themselves.

    After an answer the gain is a sum, of what the request promises and of what the answer
    shows; a mean of learners that see one or the other would blunt both.
    """
    # Squared loss only: what is left of a label may lie outside [0, 1], where log loss has none.
    others = len(names) > 1 and TREES in names
    return others and design.recipe.loss == "squared" and design.examples.seen is not None


def _calibrators(design: Design, scores: Floats, labels: Floats) -> tuple[Any, ...]:
    kind = design.recipe.calibrator
    if design.examples.target not in PROBABILITIES or kind == "none":
        return ()
    pairs = zip(scores.T, labels.T, strict=True)
    return tuple(calibration.fit(kind, *pair) for pair in pairs)


def usable(design: Design) -> tuple[str, ...]:
    """Learners of the recipe that the log can feed.

    Raises:
        LearningError: none can, or a loss that the target cannot have.
    """
    examples, recipe = design.examples, design.recipe
    if recipe.loss == "log" and examples.target not in PROBABILITIES:
        raise LearningError(f'recipe: loss "log" fits probabilities, and no {examples.target}')
    named = any(getattr(request, recipe.by) for request in examples.requests)
    learners = tuple(
        name
        for name in recipe.learners
        if (name != "prior" or named) and (name not in NEEDS_TEXT or examples.has_text)
    )
    if not learners:
        lacking = (
            f"neither prompts nor a {recipe.by}" if "prior" in recipe.learners else "no prompts"
        )
        raise LearningError(
            f"the log has {lacking} for {', '.join(recipe.learners)};"
            " a scorer needs something to look at"
        )
    return learners


def _learned(
    design: Design, rows: Ints, names: Sequence[str], seed: int
) -> tuple[list[FittedPart], list[Floats]]:
    """Each learner fitted on all rows, and its predictions of every row by other folds' fits."""
    design.make({MATRICES[name] or design.recipe.near for name in names if name in MATRICES})
    parts: dict[str, FittedPart] = {}
    held_out = {name: np.empty(design.examples.labels[rows].shape) for name in names}

    def fit_whole(name: str) -> None:
        parts[name] = LEARNERS[name](design, rows, seed)

    def fit_apart(name: str, here: Ints, there: Ints) -> None:
        part = LEARNERS[name](design, rows[here], seed)
        held_out[name][there] = part.predict(design, rows[there])

    cuts = list(folds.each(_folds(design, rows, seed)))
    parallel_fits(
        [
            *(partial(fit_whole, name) for name in names),
            *(partial(fit_apart, name, *cut) for name in names for cut in cuts),
        ],
        design.examples.labels[rows].size,
    )
    return [parts[name] for name in names], list(held_out.values())


def _folds(design: Design, rows: Ints, seed: int) -> Ints:
    """(len(rows),) fold of each."""
    return folds.by_group(design.examples.groups[rows], design.recipe.folds, seed)


def _refuse_few(design: Design, rows: Ints) -> None:
    count = (~np.isnan(design.examples.labels[rows])).sum(axis=0)
    problems = [
        f"{design.examples.target} of {output}: {n} labelled rows; at least {MIN_ROWS} are needed"
        for output, n in zip(design.examples.outputs, count.tolist(), strict=True)
        if n < MIN_ROWS
    ]
    if problems:
        raise LearningError(*problems)


def thin(n: int, most: int, seed: int) -> Ints:
    """(rows,) indices out of n: all, or `most` of them at random, in order.

    Args:
        n: rows there are.
        most: rows wanted at most.
        seed: of the draw.
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _together(each: Sequence[PortablePart], scorers: dict[str, Any]) -> FittedScorers:
    features, tensors = {}, {}
    for written in each:
        tensors.update(written.tensors)
        for feature in written.features:
            features[feature.name] = feature_to_wire(feature.provider)
            tensors.update(feature.tensors)
    return FittedScorers(features, {key: to_wire(one) for key, one in scorers.items()}, tensors)
