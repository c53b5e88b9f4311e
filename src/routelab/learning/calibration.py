"""Calibrators: what makes a score of .7 come true seven times in ten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from routelab.core import Floats, Ints
from routelab.learning import folds
from routelab.learning.learners import class_labels
from routelab.learning.recipe import Calibration
from routelab.scorers import Beta, Isotonic, Platt, Temperature

FEW = 1000
"""Labelled rows below which "auto" learns two parameters (Platt) and not three (beta)."""

_EDGE = 1e-12  # the logit of 0 or 1 is infinite
_KNOTS = 64


def fit(kind: Calibration, scores: Floats, labels: Floats) -> Any:
    """The calibrator of one output, or None where there is nothing to learn.

    Args:
        kind: of calibrator; "auto" is Platt's below a thousand labelled rows, else beta.
        scores: (n,) predictions of rows not learned from.
        labels: (n,) in [0, 1]; NaN = not observed.
    """
    there = ~np.isnan(labels)
    score, label = np.clip(scores[there], _EDGE, 1.0 - _EDGE), labels[there]
    flat = not len(label) or np.ptp(score) == 0.0 or label.max() <= 0.0 or label.min() >= 1.0
    if kind == "none" or flat:
        return None
    return _FITS[_named(kind, label)](score, label)


def crossfit(kind: Calibration, scores: Floats, labels: Floats, fold: Ints) -> Floats:
    """(n, k) calibrated scores, each by a calibrator that never saw the row's own fold.

    A calibrator flatters the rows that it was fitted on, and the more so the freer it is:
    isotonic steps through a hundred rows look better than any line, and are worse on new ones.

    Args:
        kind: as of `fit`.
        scores, labels: (n, k), as of `fit`.
        fold: (n,) of each row; a group is in one fold.
    """
    calibrated = np.empty_like(scores)
    for column, (score, label) in enumerate(zip(scores.T, labels.T, strict=True)):
        resolved = _named(kind, label)  # by all rows, as the calibrator that ships is
        for here, there in folds.each(fold):
            fitted = fit(resolved, score[here], label[here])
            calibrated[there, column] = apply([fitted], score[there, None])[:, 0]
    return calibrated


def apply(calibrators: Sequence[Any], scores: Floats) -> Floats:
    """(n, k) calibrated scores."""
    if not calibrators:
        return scores
    columns = [
        column if one is None else np.array([one(value) for value in column.tolist()])
        for one, column in zip(calibrators, scores.T, strict=True)
    ]
    return np.column_stack(columns)


def _named(kind: Calibration, labels: Floats) -> Calibration:
    """The kind that "auto" stands for on so many labels."""
    if kind != "auto":
        return kind
    # A calibrator mends the error of probabilities, not the ranking; with few rows a freer one
    # learns their noise.
    return "platt" if np.count_nonzero(~np.isnan(labels)) < FEW else "beta"


def _platt(score: Floats, label: Floats) -> Any:
    """Source: Platt 1999."""
    slope, offset = _regress(_logit(score)[:, None], label)
    # A negative slope would turn the order of scores round; calibration never ranks anew.
    return Platt(a=max(float(slope[0]), 0.0), b=offset)


def _beta(score: Floats, label: Floats) -> Any:
    """Negative slopes, which would turn the order round, are fitted again as zero.

    Source: Kull, Silva Filho & Flach 2017.
    """
    columns = np.column_stack([np.log(score), -np.log1p(-score)])
    slopes, offset = _regress(columns, label)
    if (slopes >= 0.0).all():
        return Beta(a=float(slopes[0]), b=float(slopes[1]), c=offset)
    kept = int(np.argmax(slopes))
    slope, offset = _regress(columns[:, [kept]], label)
    found = max(float(slope[0]), 0.0)
    return Beta(a=found * (kept == 0), b=found * (kept == 1), c=offset)


def _temperature(score: Floats, label: Floats) -> Any:
    """Source: Guo et al. 2017, arXiv 1706.04599."""
    slope, _ = _regress(_logit(score)[:, None], label, offset=False)
    return Temperature(t=float(1.0 / max(float(slope[0]), 1e-3)))  # finite, and keeps the order


def _isotonic(score: Floats, label: Floats) -> Any:
    """Means of at most 64 equal groups of rows, so that one row never is a step of its own.

    Source: Zadrozny & Elkan 2002.
    """
    order = np.argsort(score, kind="stable")
    groups = np.array_split(order, min(_KNOTS, len(order)))
    x = np.array([score[group].mean() for group in groups])
    y = np.array([label[group].mean() for group in groups])
    weight = [len(group) for group in groups]
    from sklearn.isotonic import IsotonicRegression  # which takes seconds to load

    found = IsotonicRegression(y_min=0.0, y_max=1.0).fit(x, y, weight)
    knots = np.unique(x)
    return Isotonic(x=tuple(knots.tolist()), y=tuple(found.predict(knots).tolist()))


def _regress(columns: Floats, label: Floats, *, offset: bool = True) -> tuple[Floats, float]:
    """Slopes and offset of a barely penalised logistic regression."""
    at, right, weight = class_labels(label)
    # Two or three parameters need no penalty; so little only keeps separable labels finite.
    from sklearn.linear_model import LogisticRegression  # which takes seconds to load

    fitted = LogisticRegression(C=1e6, max_iter=1000, fit_intercept=offset)
    fitted.fit(columns[at], right, weight)
    return fitted.coef_[0], float(fitted.intercept_[0]) if offset else 0.0


def _logit(score: Floats) -> Floats:
    return np.asarray(np.log(score) - np.log1p(-score))


_FITS: Mapping[str, Callable[[Floats, Floats], Any]] = {
    "platt": _platt,
    "beta": _beta,
    "isotonic": _isotonic,
    "temperature": _temperature,
}
