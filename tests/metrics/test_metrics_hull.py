from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.metrics.aiq import aiq
from routelab.metrics.hull import hull, hypervolume, pareto, value_at, zero_router_at

unit = st.integers(0, 40).map(lambda k: k / 40)  # coarse, so that ties and lines occur
fine = st.floats(0.0, 1.0, allow_subnormal=False).map(lambda x: round(x, 6))
points = st.lists(st.tuples(unit, unit) | st.tuples(fine, fine), min_size=1, max_size=9)
examples = settings(deadline=None, max_examples=200)


def split(pairs):
    cost, quality = np.array(pairs, dtype=float).T
    return cost, quality


def best_mixture(cost, quality, at):
    """Best quality of one point or a mixture of two at no more than this cost."""
    best = max((q for c, q in zip(cost, quality, strict=True) if c <= at), default=0.0)
    for (c, q), (d, r) in combinations(sorted(zip(cost, quality, strict=True)), 2):
        if c < at < d:
            best = max(best, q + (r - q) * (at - c) / (d - c))
    return best


@examples
@given(points)
def test_pareto_keeps_what_nothing_dominates(pairs):
    cost, quality = split(pairs)
    for i, kept in enumerate(pareto(cost, quality)):
        beaten = any(
            cost[j] <= cost[i]
            and quality[j] >= quality[i]
            and (cost[j] < cost[i] or quality[j] > quality[i] or j < i)
            for j in range(len(cost))
            if j != i
        )
        assert kept == (not beaten)


@examples
@given(points, fine)
def test_a_hull_is_worth_the_best_mixture_of_two_points(pairs, at):
    cost, quality = split(pairs)
    value = float(value_at(at, hull(cost, quality), below=0.0))
    assert value == pytest.approx(best_mixture(cost, quality, at), abs=1e-12)


@examples
@given(points)
def test_a_hull_rises_bends_down_and_covers_every_point(pairs):
    cost, quality = split(pairs)
    vertices = hull(cost, quality)
    assert set(zip(*vertices, strict=True)) <= set(zip(cost, quality, strict=True))
    slopes = np.diff(vertices.quality) / np.diff(vertices.cost)
    assert np.all(slopes > 0.0)
    assert np.all(np.diff(slopes) < 1e-12)
    assert np.all(value_at(cost, vertices) >= quality - 1e-12)


@examples
@given(points, st.randoms(use_true_random=False))
def test_a_hull_depends_neither_on_order_nor_on_what_lies_below_it(pairs, random):
    vertices = hull(*split(pairs))
    shuffled = pairs + [(c + 0.5, q * 0.5) for c, q in pairs]
    random.shuffle(shuffled)
    assert np.array_equal(vertices, hull(*split(shuffled)))


def test_below_the_cheapest_point_a_hull_is_clamped_unless_told_otherwise():
    vertices = hull([1.0, 2.0], [0.5, 0.75])
    assert value_at([0.0, 1.0, 1.5, 9.0], vertices).tolist() == [0.5, 0.5, 0.625, 0.75]
    assert value_at([0.0, 1.0], vertices, below=0.0).tolist() == [0.0, 0.5]


@examples
@given(
    st.integers(1, 6).flatmap(
        lambda m: st.lists(
            st.tuples(st.lists(st.tuples(fine, fine), min_size=m, max_size=m), fine),
            min_size=1,
            max_size=6,
        )
    )
)
def test_zero_routers_of_many_resamples_are_their_hulls(resamples):
    models = np.array([pairs for pairs, _ in resamples])
    costs, qualities = models[:, :, 0], models[:, :, 1]
    at = np.array([point for _, point in resamples])
    expected = [
        float(value_at(point, hull(cost, quality)))
        for cost, quality, point in zip(costs, qualities, at, strict=True)
    ]
    assert zero_router_at(costs, qualities, at) == pytest.approx(expected, abs=1e-12)


def test_a_model_on_the_hull_is_never_short_of_itself_by_a_rounding():
    rng = np.random.default_rng(0)
    cost = rng.integers(1, 40, (4000, 3)).cumsum(axis=1) / 7
    quality = rng.integers(1, 300, (4000, 3)).cumsum(axis=1) / 1000
    share = (cost[:, 1] - cost[:, 0]) / (cost[:, 2] - cost[:, 0])
    line = quality[:, 0] + (quality[:, 2] - quality[:, 0]) * share
    quality[:, 1] = np.nextafter(line, rng.choice([0.0, 1.0], size=4000))
    values = zero_router_at(cost, quality, cost[:, 1])
    vertex = [c[1] in hull(c, q).cost for c, q in zip(cost, quality, strict=True)]
    assert 100 < np.sum(vertex) < 3900
    assert np.array_equal(values[vertex], quality[vertex, 1])


@examples
@given(points, fine, fine)
def test_hypervolume_is_the_area_of_the_union_of_boxes(pairs, ref_cost, ref_quality):
    cost, quality = split(pairs)
    c = np.unique(np.append(np.minimum(cost, ref_cost), ref_cost))
    q = np.unique(np.append(np.maximum(quality, ref_quality), ref_quality))
    area = 0.0
    for left, right in pairwise(c):
        for low, high in pairwise(q):
            covered = np.any((cost <= left) & (quality >= high))
            area += (right - left) * (high - low) * covered
    assert hypervolume(cost, quality, ref_cost, ref_quality) == pytest.approx(area, abs=1e-12)


@examples
@given(points, unit, unit)
def test_aiq_is_the_mean_of_the_hull_over_the_range(pairs, low, width):
    high = low + width + 0.1
    cost, quality = split(pairs)
    steps = 4000
    grid = low + (np.arange(steps) + 0.5) / steps * (high - low)
    mean = float(np.mean(value_at(grid, hull(cost, quality), below=0.0)))
    assert aiq(cost, quality, low, high) == pytest.approx(mean, abs=2e-3)


@examples
@given(points, fine, fine)
def test_another_policy_never_lowers_aiq(pairs, cost, quality):
    more = aiq(*split([*pairs, (cost, quality)]), 0.1, 0.9)
    assert more >= aiq(*split(pairs), 0.1, 0.9) - 1e-12


def test_aiq_of_two_models_is_the_middle_of_their_qualities():
    assert aiq([1.0, 3.0], [0.5, 0.9], 1.0, 3.0) == pytest.approx(0.7)
    assert aiq([1.0, 3.0], [0.9, 0.5], 1.0, 3.0) == pytest.approx(0.9)
    assert aiq([2.0], [0.8], 1.0, 3.0) == pytest.approx(0.4)  # zero below the cheapest
    assert aiq([5.0], [0.8], 1.0, 3.0) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hull([1.0, np.nan], [0.1, 0.2]), r"cost\[1\] is nan"),
        (lambda: hull([1.0], [np.inf]), r"quality\[0\] is inf"),
        (lambda: pareto([1.0, 2.0], [0.1]), "cost has 2, quality has 1"),
        (lambda: pareto([], []), r"cost has shape \(0,\)"),
        (lambda: value_at(np.nan, hull([1.0], [1.0])), "cost is nan"),
        (lambda: hypervolume([1.0], [1.0], np.nan, 0.0), r"reference\[0\] is nan"),
        (lambda: aiq([1.0], [1.0], 2.0, 2.0), r"cost range is \[2.0, 2.0\]"),
        (lambda: aiq([1.0], [1.0], np.nan, 2.0), "cost range"),
        (lambda: zero_router_at([[1.0]], [[1.0, 2.0]], [1.0]), r"qualities has \(1, 2\)"),
        (lambda: zero_router_at([[1.0]], [[1.0]], [1.0, 2.0]), "at has 2"),
        (lambda: zero_router_at([[1.0]], [[np.nan]], [1.0]), r"qualities\[0, 0\] is nan"),
    ],
)
def test_bad_points_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
