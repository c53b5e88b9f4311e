"""Ridge regression of many outputs at once: one pass over the features serves them all."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

from routelab.core import Floats, Ints
from routelab.learning.design import Csr

CLOSE = 1e-3
"""Residual of the iterative solver, as a share of the labels."""

MOST_STEPS = 200

STRONGER = 4.0 ** np.arange(8)
"""Multiples of a penalty that cross-validation chooses among."""


def sparse(matrix: Csr, of_row: Ints, labels: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Weights (width, k) and bias (k,) of sparse features, with an intercept of no penalty.

    Args:
        matrix: (requests, width) of distinct requests.
        of_row: (n,) request of each row.
        labels: (n, k), none of them NaN.
        penalty: of the squared weights.
    Source: conjugate gradients on the dual, Hestenes & Stiefel 1952: it never forms the square of
        the features, and has as many unknowns as rows.
    """
    used = np.zeros(matrix.shape[1], dtype=np.bool_)
    used[matrix.indices] = True
    columns = np.flatnonzero(used)
    place = np.cumsum(used) - 1
    x = csr_matrix(
        (matrix.data, place[matrix.indices], matrix.indptr), (matrix.shape[0], len(columns))
    )
    x_t = x.T.tocsr()
    once = len(of_row) == x.shape[0] and bool((of_row == np.arange(len(of_row))).all())
    copies = np.bincount(of_row, minlength=x.shape[0]).astype(np.float64)
    centre = np.asarray(x_t @ copies)[:, None] / len(of_row)

    def weights_of(dual: Floats) -> Floats:
        summed = dual if once else _summed(dual, of_row, x.shape[0])
        return np.asarray(np.asarray(x_t @ summed) - centre * dual.sum(axis=0))

    def square_of(dual: Floats) -> Floats:
        found = weights_of(dual)
        of_request = np.asarray(x @ found)
        of_rows = of_request if once else of_request[of_row]
        return np.asarray(of_rows - (centre * found).sum(axis=0))

    mean = labels.mean(axis=0)
    dual = _conjugate(lambda it: square_of(it) + penalty * it, labels - mean)
    found = weights_of(dual)
    whole = np.zeros((matrix.shape[1], labels.shape[1]))
    whole[columns] = found
    return whole, mean - (centre * found).sum(axis=0)


def _summed(values: Floats, of_row: Ints, count: int) -> Floats:
    """(count, k) sums over the rows of each request."""
    return np.column_stack([np.bincount(of_row, column, minlength=count) for column in values.T])


def _conjugate(square: Any, right: Floats) -> Floats:
    """The solution (n, k) of a positive system, all right sides in step."""
    found = np.zeros_like(right)
    left = right.copy()
    step = right.copy()
    size = start = (left * left).sum(axis=0)
    for _ in range(MOST_STEPS):
        open_ = size > CLOSE**2 * start
        if not open_.any():
            break
        ahead = square(step)
        along = (step * ahead).sum(axis=0)
        length = np.where(open_ & (along > 0.0), size / np.where(along > 0.0, along, 1.0), 0.0)
        found += length * step
        left -= length * ahead
        after = (left * left).sum(axis=0)
        step = left + np.where(open_, after / np.where(size > 0.0, size, 1.0), 0.0) * step
        size = np.where(open_, after, size)
    return found


def dense(matrix: Floats, labels: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Weights (width, k) and bias (k,) of columns as they come, with an intercept of no penalty.

    Columns are put on one scale first. Of `STRONGER` times the penalty given, all outputs take
    the one that is best by generalised cross-validation.

    Args:
        matrix: (n, width).
        labels: (n, k), none of them NaN.
        penalty: of the squared weights, at least.
    Source: Golub, Heath & Wahba 1979.
    """
    centre, spread = matrix.mean(axis=0), matrix.std(axis=0)
    varies = spread > 1e-12
    scale = np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0)
    scaled = (matrix - centre) * scale
    mean = labels.mean(axis=0)
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ (scaled.T @ (labels - mean))
    power = np.square(labels - mean).sum(axis=0)
    penalties = penalty * STRONGER
    errors = [_gcv(values, projected, power, it, len(labels)) for it in penalties]
    weights = vectors @ (projected / (values + penalties[int(np.argmin(errors))])[:, None])
    weights *= scale[:, None]
    return weights, mean - centre @ weights


def _gcv(values: Floats, projected: Floats, power: Floats, penalty: float, n: int) -> float:
    """Generalised cross-validation of a penalty: squared error over the squared freedom left."""
    share = 1.0 / (values + penalty)
    fitted = (np.square(projected) * (2.0 * share - values * np.square(share))[:, None]).sum(axis=0)
    free = n - 1.0 - float((values * share).sum())
    return float((power - fitted).sum()) / max(free, 1.0) ** 2
