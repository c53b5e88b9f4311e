"""Fit a scorer on the train part of a log, or cross-fit one for scores of rows held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from routelab.core import Floats, Ints
from routelab.learning import ensemble, folds
from routelab.learning.design import Design, SharedMatrices
from routelab.learning.ensemble import Ensemble
from routelab.learning.examples import Examples, Target
from routelab.learning.fitted_scorers import FittedScorers
from routelab.learning.recipe import Recipe
from routelab.learning.shared_requests import SharedRequests
from routelab.learning.targets import training_examples
from routelab.logs.model import Log
from routelab.signals.features import text_of

FEW = 1000
"""Rows below which a report notes that weights of words are little more than their penalty."""


COLLAPSED = 0.98
"""Share of requests on which one model is predicted to be best, from which a report says so."""


def fit(
    log_part: Log,
    *,
    target: Target,
    models: Sequence[str],
    recipe: Recipe | None = None,
    seed: int = 0,
    signals: Sequence[str] = (),
    after: bool | None = None,
    name: str = "",
    groups: Ints | None = None,
    shared: SharedRequests | None = None,
) -> FittedScorers:
    """Fit one scorer on this part of a log, and on nothing else.

    Args:
        log_part: the train part.
        target: what to predict; see `training_examples`.
        models: that it is predicted for, cheapest first.
        recipe: how the scorer is made; None takes the default.
        seed: of folds, learners and draws of rows.
        signals, after: see `training_examples`.
        name: of the scorer; empty for the target's.
        groups: (n,) what folds keep together; None takes the log's own groups.
        shared: requests of this very part and matrices made of them, for several fits.
    Raises:
        LearningError: one label, too few rows, nothing to look at, or an unknown target.
        LogError: a model that the log lacks.
    """
    here = SharedRequests() if shared is None else shared
    made = training_examples(
        log_part, target, models, signals=signals, after=after, requests=here.of(log_part)
    )
    if groups is not None:
        made = replace(made, groups=groups[made.request_of])
    fitted = fit_examples(
        made, recipe or Recipe(), seed=seed, name=name or target, shared=here.matrices
    )
    return replace(fitted, reads=log_part.reads)


def fit_examples(
    made: Examples,
    recipe: Recipe,
    *,
    seed: int = 0,
    name: str,
    shared: SharedMatrices | None = None,
) -> FittedScorers:
    """Fit one scorer on examples, in portable form.

    Args:
        made: rows to learn from.
        recipe: how the scorer is made.
        seed: of folds, learners and draws of rows.
        name: of the scorer.
        shared: matrices of these very requests, by what made them.
    Raises:
        LearningError: as `fit`.
    """
    shared = {} if shared is None else shared
    rows = ensemble.thin(len(made), recipe.most_rows, seed)
    design = Design(made.take(rows), recipe, shared=shared)
    fitted = ensemble.fit(design, np.arange(len(rows)), seed)
    report = {name: _report(design, fitted, len(made), seed)}
    held_out = np.full(made.labels.shape, np.nan)
    held_out[rows] = fitted.held_out
    if len(rows) < len(made):  # what was left out was never seen by any fit
        left = np.setdiff1d(np.arange(len(made)), rows)
        held_out[left] = fitted.predict(Design(made, recipe, shared=shared), left)
    return replace(fitted.write(design, name), report=report, held_out={name: held_out})


def crossfit(
    made: Examples, recipe: Recipe, fold: Ints | None = None, *, outer: int = 5, seed: int = 0
) -> Floats:
    """(n, k) scores of every row by a scorer that was fitted on the other folds alone.

    Weights and calibrators are cross-fitted again inside each of them.

    Args:
        made: rows to score.
        recipe: how the scorer is made.
        fold: (n,) fold of each row; None deals groups into `outer` folds.
        outer: how many.
        seed: of folds, learners and draws of rows.
    Raises:
        LearningError: as `fit`.
    """
    held = folds.by_group(made.groups, outer, seed) if fold is None else fold
    return crossfit_on(Design(made, recipe), held, seed)[0]


def crossfit_on(design: Design, fold: Ints, seed: int) -> tuple[Floats, Ensemble]:
    """`crossfit` of features that others share, and the fit that was held out fold 0."""
    scores = np.empty(design.examples.labels.shape)
    first: Ensemble | None = None
    for here, there in folds.each(fold):
        kept = here[ensemble.thin(len(here), design.recipe.most_rows, seed)]
        found = ensemble.fit(design, kept, seed)
        scores[there] = found.predict(design, there)
        first = first or found
    assert first is not None  # there is a fold 0
    return scores, first


def _report(design: Design, found: Ensemble, n: int, seed: int) -> dict[str, Any]:
    """How the scorer was made, in plain data."""
    made = design.examples
    notes = []
    if len(made) < n:
        notes.append(f"fitted on {len(made)} of {n} rows, drawn at random")
    left = [name for name in design.recipe.learners if name not in found.names]
    if ensemble.TREES in left and (made.has_text or made.seen is not None):
        left.remove(ensemble.TREES)
        if len(made) < design.recipe.tree_rows and made.target not in ensemble.AMOUNTS:
            notes.append(f"fewer than {design.recipe.tree_rows:,} rows grow no trees")
    if left:
        notes.append(f"the log cannot feed {', '.join(left)}; left out")
    if made.has_text and not any(map(text_of, made.requests)):
        notes.append("every prompt is empty")
    if (collapsed := _collapsed(found, made)) is not None:
        notes.append(
            f"{collapsed} is predicted to be best on nearly every request: the scorer tells models"
            " apart, and hardly requests"
        )
    if "words" in found.names and len(made) < min(FEW, 2**design.recipe.bits):
        notes.append(
            f"{len(made)} rows for {2**design.recipe.bits} hashed words: only the penalty"
            " keeps the weights apart from noise"
        )
    return {
        "target": made.target,
        "outputs": list(made.outputs),
        "rows": len(made),
        "weights": dict(zip(found.names, found.weights, strict=True)),
        "error": _errors(found, made.labels),
        "recipe": msgspec.to_builtins(design.recipe),
        "seed": seed,
        "notes": notes,
    }


def _collapsed(found: Ensemble, made: Examples) -> str | None:
    """The model of greatest predicted quality on nearly all rows, where another is often better.

    Source: Zhao et al. 2026, arXiv 2602.03478 (routers collapse to the strong model).
    """
    labels = made.labels
    if made.target != "quality" or labels.shape[1] < 2 or np.isnan(labels).any():
        return None
    share = np.bincount(found.held_out.argmax(axis=1), minlength=labels.shape[1]) / len(labels)
    best = int(share.argmax())
    beaten = float((labels.max(axis=1) > labels[:, best]).mean())
    return made.outputs[best] if share[best] >= COLLAPSED and beaten > 1.0 - COLLAPSED else None


def _errors(found: Ensemble, labels: Floats) -> dict[str, list[float]]:
    """Cross-fitted root mean squared error of each output, that of its mean alone, and means."""
    seen = labels[found.rows]
    left = np.sqrt(np.nanmean(np.square(found.held_out - seen), axis=0))
    predicted = np.where(np.isnan(seen), np.nan, found.held_out)
    return {
        "rmse": left.tolist(),
        "rmse_of_mean": np.nanstd(labels, axis=0).tolist(),
        "mean": np.nanmean(seen, axis=0).tolist(),
        "mean_predicted": np.nanmean(predicted, axis=0).tolist(),
    }
