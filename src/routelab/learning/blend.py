"""Weights of the learners in a blend, fitted on predictions of rows not learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats

_SURE = 1e3  # weight of the row that makes the weights sum to one


def weights(
    predictions: Sequence[Floats], labels: Floats, even: float, *, apart: bool = False
) -> tuple[float, ...]:
    """Non-negative weights, summing to one, of least squared error.

    They are drawn towards equal ones: `even` times as strongly as the predictions
    themselves differ, since on a few thousand rows equal weights are hard to beat.

    Args:
        predictions: (n, k) of each learner, on rows that it did not learn from.
        labels: (n, k); NaN = not observed.
        even: pull towards equal weights, 0 or more.
        apart: the error is that of differences between the k outputs, which routing follows.
    Source: Wolpert 1992; Breiman 1996, "Stacked regressions".
    """
    if len(predictions) == 1:
        return (1.0,)
    from sklearn.linear_model import LinearRegression  # which takes seconds to load

    if apart:
        labels = labels - labels.mean(axis=1, keepdims=True)
        predictions = [it - it.mean(axis=1, keepdims=True) for it in predictions]
    there = ~np.isnan(labels)
    scale = np.nanstd(labels, axis=0)
    # In units of each output's spread: the costs of a dear model would outweigh a cheap one's.
    unit = np.broadcast_to(np.where(scale > 0.0, scale, 1.0), labels.shape)[there]
    seen = np.column_stack([prediction[there] / unit for prediction in predictions])
    wanted = labels[there] / unit
    middle = seen.mean(axis=1)
    # Ridge on the weights, by rows added to the system. Learners that agree differ by little, so
    # that any weights fit: the penalty follows that spread, and never quite vanishes.
    pull = np.sqrt(even * float((seen - middle[:, None]).var()) + 1e-12)
    count, parts = seen.shape
    system = np.vstack(
        [
            (seen - middle[:, None]) / np.sqrt(count),
            pull * np.eye(parts),
            np.full((1, parts), _SURE),
        ]
    )
    right = np.concatenate([(wanted - middle) / np.sqrt(count), np.full(parts, pull / parts)])
    fitted = LinearRegression(fit_intercept=False, positive=True)
    fitted_weights = fitted.fit(system, np.append(right, _SURE)).coef_
    return tuple((fitted_weights / fitted_weights.sum()).tolist())


def join(predictions: Sequence[Floats], shares: Sequence[float]) -> Floats:
    """(n, k) the weighted mean of predictions.

    Args:
        predictions: (n, k) of each learner.
        shares: weight of each, summing to one.
    """
    # In the order of the learners, one by one, as a loaded policy adds: the same last bit.
    total = np.zeros_like(predictions[0])
    for one, share in zip(predictions, shares, strict=True):
        total += share * one
    return total
