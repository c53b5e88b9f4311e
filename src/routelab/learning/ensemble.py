"""A blend of fitted learners, before it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import LearningError
from routelab.learning import bending, blend, calibration, folds, smearing
from routelab.learning.bending import Bending
from routelab.learning.design import Design
from routelab.learning.exponential import exponential
from routelab.learning.fitted_scorers import FittedScorers
from routelab.learning.learners import (
    LEARNERS,
    MATRICES,
    NEEDS_TEXT,
    FittedPart,
    PortablePart,
    PriorPart,
)
from routelab.learning.levels import is_comparable
from routelab.learning.parallel_fits import alone, parallel_fits
from routelab.scorers import Blend, Joint, Scorer, to_wire
from routelab.signals.features import to_wire as feature_to_wire

TREES, PRIOR, NEIGHBORS = "trees", "prior", "neighbors"

AMOUNTS = frozenset({"cost"})
"""Targets whose logarithms are learned where all labels are above zero."""

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
        bending: of the blended scores, before calibrators; None leaves them as they are.
        smearing: added to logarithms, so that means of amounts come out right; None where labels
            are fitted as they are.
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
    bending: Bending | None = None
    smearing: PriorPart | None = None

    def predict(self, design: Design, rows: Ints) -> Floats:
        """(len(rows), k) scores."""
        about = len(rows) * len(design.examples.outputs)
        each = parallel_fits((partial(part.predict, design, rows) for part in self.parts), about)
        joined = blend.join(each, self.weights)
        if self.smearing is not None:
            return np.asarray(np.exp(joined + self.smearing.predict(design, rows)))
        if self.bending is not None:
            joined = self.bending(joined)
        return calibration.apply(self.calibrators, joined)

    def write(self, design: Design, name: str) -> FittedScorers:
        """The same scorer in portable form; the parts of a blend are called `name.part`."""
        written, scorers, whole = self._blended(design, name)
        if self.bending is not None:
            scorers[f"{name}.blend"] = whole
            slopes, curves = zip(*self.bending.moves, strict=True)
            whole = Joint(
                target=design.examples.target,
                outputs=design.examples.outputs,
                parts=(f"{name}.blend",),
                centre=self.bending.centre,
                spread=self.bending.spread,
                slopes=slopes,
                curves=curves,
            )
        scorers[name] = msgspec.structs.replace(whole, calibrators=self.calibrators)
        return _together(written, scorers)

    def _blended(
        self, design: Design, name: str
    ) -> tuple[list[PortablePart], dict[str, Scorer], Scorer]:
        """The parts as written, their scorers by name, and the scorer that joins them."""
        named = {f"{name}.{part}": it for part, it in zip(self.names, self.parts, strict=True)}
        weights = self.weights
        if self.smearing is not None:
            named[f"{name}.smearing"] = self.smearing
            weights = (*weights, 1.0)
        elif len(self.parts) == 1:
            alone = self.parts[0].write(design, name)
            return [alone], {}, alone.scorer
        each = [part.write(design, key) for key, part in named.items()]
        if self.smearing is not None:
            each = [exponential(it) for it in each]
        whole = Blend(
            target=design.examples.target,
            outputs=design.examples.outputs,
            parts=tuple(named),
            weights=weights,
            scale="value" if self.smearing is None else "log",
        )
        return each, {key: part.scorer for key, part in zip(named, each, strict=True)}, whole


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
    names = usable(design, len(rows))
    with alone():
        if not _in_logarithms(design, rows, names):
            return _fit(design, rows, names, seed)
        found = _fit(design.logarithmic(), rows, names, seed)
        raw = np.exp(found.held_out)
        return replace(
            found,
            smearing=smearing.fit(design, rows, raw),
            held_out=smearing.crossfit(design, rows, raw, _folds(design, rows, seed)),
        )


def _in_logarithms(design: Design, rows: Ints, names: Sequence[str]) -> bool:
    """Whether logarithms are learned: amounts that multiply, such as the length of an answer."""
    labels = design.examples.labels[rows]
    positive = bool((labels[~np.isnan(labels)] > 0.0).all())
    if design.examples.target not in AMOUNTS or not positive or NEIGHBORS in names:
        return False
    return names != (PRIOR,)  # means by task are amounts already


def _fit(design: Design, rows: Ints, names: tuple[str, ...], seed: int) -> Ensemble:
    layered = _layered(design, names)
    first = tuple(name for name in names if not (layered and name == TREES))
    labels = design.examples.labels[rows]
    parts, held_out = _learned(design, rows, first, seed)
    comparable, even = is_comparable(design, rows), design.recipe.even
    # Of few rows the differences between models are the surer guide, and weights of their own; of
    # many the error of each, with weights that also serve tasks never seen.
    if comparable and len(rows) < bending.ROWS:
        weights = blend.weights(held_out, labels, even / 10.0, apart=True)
    elif design.examples.seen is not None:  # learners that see the answer know much more
        weights = blend.weights(held_out, labels, even / 10.0)
    else:
        weights = blend.weights(held_out, labels, even)
    joined = blend.join(held_out, weights)
    # On what held-out predictions left, not on what fits of the same rows left: that would be
    # smaller than what is left on new requests.
    if layered:
        rest = design.relabelled(rows, labels - joined)
        trees, left = _learned(rest, rows, (TREES,), seed)
        joined, parts = joined + left[0], parts + trees
        first, weights = (*first, TREES), (*weights, 1.0)
    bent = None
    if (
        len(names) > 1
        and _bends(design, rows)
        and (bent := bending.fit(joined, labels)) is not None
    ):
        joined = bending.crossfit(joined, labels, _folds(design, rows, seed))
    calibrators = _calibrators(design, joined, labels)
    # What ships is calibrated by all rows; what is judged must not be, or it flatters itself.
    if calibrators:
        joined = calibration.crossfit(
            design.recipe.calibrator, joined, labels, _folds(design, rows, seed)
        )
    return Ensemble(first, tuple(parts), weights, calibrators, joined, rows, bent)


def _bends(design: Design, rows: Ints) -> bool:
    """Whether the differences between models are calibrated by how hard requests are for all."""
    before = design.examples.target == "quality" and design.examples.seen is None
    return (
        before and design.recipe.bend and len(rows) >= bending.ROWS and is_comparable(design, rows)
    )


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


def usable(design: Design, rows: int) -> tuple[str, ...]:
    """Learners of the recipe that the log can feed.

    Few rows grow no trees: what they learn is noise, which routing between models follows.

    Args:
        design: features and labels.
        rows: how many are learned from.

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
        if (name != PRIOR or named) and (name not in NEEDS_TEXT or examples.has_text)
    )
    # Of costs trees told no more than means by task and a line of the prompt's length.
    barren = rows < recipe.tree_rows or examples.target in AMOUNTS
    if barren and len(learners) > 1:
        learners = tuple(name for name in learners if name != TREES)
    if learners and PRIOR in recipe.learners and PRIOR not in learners:
        learners = (PRIOR, *learners)  # the overall mean, which few rows are drawn to
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
