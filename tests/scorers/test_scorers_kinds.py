"""Each kind of scorer against a second way to compute the same."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portable_world import FEATURES, MODELS, SCORERS, TENSORS, WIRES, grown

from routelab.core.request import Request
from routelab.errors import PolicyError
from routelab.scorers import (
    LIMIT,
    Linear,
    NearestNeighbors,
    Trees,
    flatten_trees,
    load_scorers,
    logistic,
    logit,
    on_grid,
)
from routelab.signals.features import Matrix, Vector, joined_matrices
from routelab.signals.features import from_wire as feature_from_wire

SCORING = load_scorers(FEATURES, WIRES, TENSORS)
some = settings(deadline=None, max_examples=30)
PROMPTS = tuple(
    Request(str(i), ({"role": "user", "content": f"What is {i}? " * (i % 7)},), task=task)
    for i, task in enumerate(["maths", "code", "", "new"] * 5)
)


class Rows:
    """Dense rows in the place of a policy's features."""

    def __init__(self, rows):
        n, width = rows.shape
        columns = np.arange(width)
        self.rows = rows
        self._matrix = Matrix(
            np.arange(0, n * width + 1, width), np.tile(columns, n), rows.ravel(), width
        )

    def matrix(self, features):
        return self._matrix

    def one(self, row):
        vector = Vector(np.arange(len(row)), row)
        return SimpleNamespace(vector=lambda _: vector, vectors=lambda _: [vector])


def both_ways(scorer, tensors, rows):
    """Scores of dense rows, after checking that one by one gives the same bits."""
    bound = scorer.bind([rows.shape[1]], tensors)
    world = Rows(rows)
    many = bound.many(world)
    single = np.array([bound.one(world.one(row)) for row in rows]).reshape(many.shape)
    assert many.tobytes() == single.tobytes()
    return many


def dense(*names):
    matrices = [feature_from_wire(FEATURES[name]).bind(TENSORS).matrix(PROMPTS) for name in names]
    return joined_matrices(matrices, len(PROMPTS)).dense()


def test_linear_is_the_matrix_product():
    x = dense("words", "numbers")
    sums = x @ TENSORS["quality.weights"] + TENSORS["quality.bias"]
    wanted = np.vectorize(logistic)(sums)
    wanted[:, 0] = np.vectorize(SCORERS["quality"].calibrators[0])(wanted[:, 0])
    assert SCORING.score_batch("quality", PROMPTS) == pytest.approx(wanted, rel=1e-9)


@some
@given(
    rows=st.lists(
        st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, 1e150])] * 3), max_size=4
    ),
    weights=st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.3])] * 3),
    bias=st.sampled_from([0.0, -0.0, 0.7]),
)
def test_signed_zeros_and_cancelling_terms_are_the_same_both_ways(rows, weights, bias):
    tensors = {"l.weights": np.array(weights)[:, None], "l.bias": np.array([bias])}
    scorer = Linear(target="cost", outputs=("score",), tensors="l")
    both_ways(scorer, tensors, np.array(rows).reshape(-1, 3))


@pytest.mark.parametrize("link", ["identity", "logit"])
def test_trees_repeat_scikit_learn_to_the_bit(link):
    ensemble = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, 5)).round(1)
    x[rng.random(x.shape) < 0.1] = np.nan
    known = np.nan_to_num(x)
    truths = (known[:, 0] > known[:, 1] ** 2, known[:, 2] + known[:, 3] > 0.5)
    options = {"max_iter": 12, "early_stopping": False, "random_state": 0}
    if link == "logit":
        kind = ensemble.HistGradientBoostingClassifier
        fitted = [kind(**options).fit(x, truth) for truth in truths]
        wanted = [model.decision_function(x) for model in fitted]
    else:
        kind = ensemble.HistGradientBoostingRegressor
        fitted = [kind(**options).fit(x, truth) for truth in truths]
        wanted = [model.predict(x) for model in fitted]
    arrays = flatten_trees(
        [
            (np.ravel(model._baseline_prediction)[0], [step[0].nodes for step in model._predictors])
            for model in fitted
        ]
    )
    scorer = Trees(target="quality", outputs=MODELS, tensors="t", link="identity")
    found = both_ways(scorer, {f"t.{name}": array for name, array in arrays.items()}, x)
    assert found.tobytes() == np.stack(wanted, axis=1).tobytes()


@some
@given(seed=st.integers(0, 999), depth=st.integers(0, 4))
def test_trees_walk_to_the_leaf_that_recursion_finds(seed, depth):
    rng = np.random.default_rng(seed)
    nodes = grown(rng, 4, depth)
    x = rng.choice([0.0, 0.5, 1.0, 2.0, np.nan, np.inf, -np.inf], (20, 4))
    arrays = {f"t.{name}": array for name, array in flatten_trees([(0.25, [nodes])]).items()}
    scorer = Trees(target="complexity", outputs=("score",), tensors="t")
    # an infinite threshold is kept as the largest number, below a feature that is infinite
    x[np.isposinf(x)] = 1e300
    wanted = [0.25 + leaf(nodes, row) for row in x]
    assert both_ways(scorer, arrays, x)[:, 0].tolist() == wanted


def leaf(nodes, row, at=0):
    node = nodes[at]
    if node["is_leaf"]:
        return node["value"]
    value = row[node["feature_idx"]]
    left = node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"]
    return leaf(nodes, row, node["left"] if left else node["right"])


def test_trees_that_split_on_categories_are_refused():
    nodes = grown(np.random.default_rng(0), 2, 1)
    nodes["is_categorical"][0] = 1
    with pytest.raises(PolicyError, match="categories"):
        flatten_trees([(0.0, [nodes])])


@some
@given(
    points=st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=1, max_size=12),
    rows=st.lists(st.tuples(*[st.integers(-3, 3)] * 2), max_size=5),
    k=st.integers(1, 12),
)
def test_neighbours_are_those_of_a_full_sort_and_ties_go_to_the_first(points, rows, k):
    k = min(k, len(points))
    targets = np.linspace(0.0, 1.0, len(points))[:, None] ** 2
    tensors = {
        "n.points": np.array(points, dtype=np.int16),
        "n.shift": np.zeros(2),
        "n.step": np.ones(2),
        "n.targets": targets,
    }
    x = np.array(rows, dtype=np.float64).reshape(-1, 2)
    scorer = NearestNeighbors(target="complexity", outputs=("score",), tensors="n", k=k)
    found = both_ways(scorer, tensors, x) if len(x) else np.empty((0, 1))
    apart = ((x[:, None, :] - np.array(points)[None]) ** 2).sum(axis=2)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :k]
    assert found[:, 0] == pytest.approx(targets[nearest, 0].mean(axis=1))


@some
@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5))
def test_the_grid_rounds_and_does_not_overflow(values):
    found = on_grid(np.array(values), np.array(1.0), np.array(2.0))
    assert found.dtype == np.int16
    exact = [min(max(2.0 * (value - 1.0), -LIMIT), LIMIT) for value in values]
    assert np.abs(found - exact).max() <= 0.5


def test_a_prior_gives_its_row_and_the_default_to_strangers():
    table = TENSORS["by_task.table"]
    rows = {"maths": 0, "code": 1, "": 2, "new": 2}
    for request in PROMPTS:
        assert SCORING.score("by_task", request) == tuple(table[rows[request.task]])


def test_a_blend_adds_its_parts_on_its_scale():
    for request in PROMPTS:
        parts = [SCORING.score(name, request) for name in ("alike", "tree_quality")]
        nested = [0.75 * a - 0.25 * b for a, b in zip(*parts, strict=True)]
        assert SCORING.score("nested", request) == pytest.approx(nested)
        scores = [SCORING.score(name, request) for name in ("quality", "by_task", "nested")]
        odds = np.dot((0.5, 0.3, 0.2), np.vectorize(logit)(scores))
        wanted = [logistic(z - 0.05) for z in odds]
        assert SCORING.score("blend", request) == pytest.approx(wanted)


@some
@given(z=st.floats(-1e6, 1e6))
def test_the_logistic_function_is_a_probability_and_symmetric(z):
    assert 0.0 <= logistic(z) <= 1.0
    assert logistic(z) + logistic(-z) == pytest.approx(1.0)
    if abs(z) < 20:
        assert logit(logistic(z)) == pytest.approx(z, abs=1e-6)
