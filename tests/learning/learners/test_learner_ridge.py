"""Ridge of many outputs: what scikit-learn finds for one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_sparse
from sklearn.linear_model import Ridge

from routelab.learning.learners import ridge


def test_sparse_features_give_the_weights_of_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    matrix = csr_matrix(random_sparse(80, 200, 0.05, random_state=1))
    of_row = rng.integers(80, size=150)
    labels = rng.normal(size=(150, 3)) + np.array([0.0, 5.0, -1.0])
    weights, bias = ridge.sparse(matrix, of_row, labels, 2.0)
    known = Ridge(2.0).fit(matrix[of_row].toarray(), labels)
    np.testing.assert_allclose(weights.T, known.coef_, atol=2e-3)
    np.testing.assert_allclose(bias, known.intercept_, atol=2e-3)


def test_columns_that_no_row_has_get_no_weight() -> None:
    matrix = csr_matrix(np.array([[1.0, 0.0, 0.0], [0.5, 0.0, 2.0]]))
    weights, _ = ridge.sparse(matrix, np.array([0, 1, 0]), np.array([[1.0], [0.0], [1.0]]), 1.0)
    assert weights[1, 0] == 0.0
    assert weights[0, 0] != 0.0


def test_equal_labels_are_predicted_by_the_bias_alone() -> None:
    matrix = csr_matrix(np.eye(5))
    weights, bias = ridge.sparse(matrix, np.arange(5), np.full((5, 2), 0.7), 1.0)
    assert not weights.any()
    np.testing.assert_array_equal(bias, [0.7, 0.7])


@pytest.mark.parametrize("noise", [0.1, 100.0])
def test_dense_features_take_the_penalty_that_new_rows_would_choose(noise: float) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(120, 8)) * 10.0 ** np.arange(8)
    truth = rng.normal(size=(8, 2)) / 10.0 ** np.arange(8)[:, None]
    labels = matrix @ truth + noise * rng.normal(size=(120, 2))
    weights, bias = ridge.dense(matrix, labels, 1.0)
    new = rng.normal(size=(4000, 8)) * 10.0 ** np.arange(8)
    found = np.square(new @ weights + bias - new @ truth).mean()
    scale = matrix.std(axis=0)
    others = []
    for penalty in 1.0 * ridge.STRONGER:
        known = Ridge(penalty).fit(matrix / scale, labels)
        others.append(np.square(known.predict(new / scale) - new @ truth).mean())
    assert found < 1.5 * min(others)
    assert found < 0.7 * max(others)


def test_a_constant_column_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    matrix, labels = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    more = np.column_stack([matrix, np.full(50, 7.0)])
    weights, bias = ridge.dense(more, labels, 10.0)
    plain, level = ridge.dense(matrix, labels, 10.0)
    np.testing.assert_allclose(weights[:3], plain, atol=1e-12)
    assert weights[3, 0] == 0.0
    np.testing.assert_allclose(bias, level, atol=1e-12)
