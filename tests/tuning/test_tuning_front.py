"""The front, and the points on it that people ask for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuning_world import means, point, random_log

from routelab.errors import TuningError
from routelab.metrics.hull import hull
from routelab.policies import Mixture
from routelab.tuning import Bounds
from routelab.tuning.front import front, knee, operating_points

STEPS = st.integers(0, 12)
POINTS = st.lists(st.builds(lambda c, q: point(c / 4, q / 12), STEPS, STEPS), min_size=1)
FRONT = [point(1, 0.5), point(2, 0.7), point(3, 0.72), point(6, 0.9), point(10, 0.92)]
BEST = FRONT[-1]


def dominates(one, other):
    a, b = one.score, other.score
    return a.usd_per_1k <= b.usd_per_1k and a.quality >= b.quality and a != b


@given(POINTS)
def test_the_front_is_all_that_nothing_dominates(points):
    kept = front(points)
    free = {p.score for p in points if not any(dominates(other, p) for other in points)}
    assert [p.score for p in kept] == sorted(free)
    assert all(p in points for p in kept)


def chosen(bounds, *, mix=False, points=FRONT, best=BEST):
    return operating_points(points, bounds, best, mix=mix)[0]


def test_least_cost_meets_the_floor():
    it = chosen(Bounds(min_quality=0.71))
    assert (it.name, it.point) == ("least-cost", FRONT[2])
    share = chosen(Bounds(min_quality_share=0.75))
    assert (share.name, share.point) == ("least-cost", FRONT[1])


def test_the_stricter_of_two_floors_counts():
    it = chosen(Bounds(min_quality=0.5, min_quality_share=0.95))
    assert it.point == FRONT[3]


def test_most_quality_meets_the_ceiling():
    it = chosen(Bounds(max_usd_per_1k=5.9))
    assert (it.name, it.point) == ("most-quality", FRONT[2])


def test_both_bounds_give_the_least_cost_that_meets_both():
    assert chosen(Bounds(max_usd_per_1k=6, min_quality=0.7)).point == FRONT[1]


def test_without_a_bound_the_knee_is_exported():
    it = chosen(Bounds())
    assert it.name == "knee"
    assert it.point == knee([FRONT[0], FRONT[1], FRONT[3], FRONT[4]])


@given(POINTS)
def test_the_knee_is_the_vertex_farthest_above_the_chord(points):
    kept = front(points)
    corners = hull([p.score.usd_per_1k for p in kept], [p.score.quality for p in kept])
    at = list(zip(corners.cost.tolist(), corners.quality.tolist(), strict=True))
    found = knee([p for p in kept if tuple(p.score) in at])
    if len(at) < 3:
        assert tuple(found.score) == at[-1]
        return
    (c0, q0), (c1, q1) = at[0], at[-1]
    heights = [(q - q0) / (q1 - q0) - (c - c0) / (c1 - c0) for c, q in at]
    assert heights[at.index(tuple(found.score))] == pytest.approx(max(heights))


def test_every_operating_point_keeps_the_users_bounds():
    for bounds in (Bounds(max_usd_per_1k=5), Bounds(min_quality=0.71), Bounds(5, 0.71)):
        listed = operating_points(FRONT, bounds, BEST, mix=True)
        for it in listed[:1] + [it for it in listed if it.name != "knee"]:
            assert bounds.max_usd_per_1k is None or it.point.score.usd_per_1k <= 5
            assert bounds.min_quality is None or it.point.score.quality >= 0.71


@pytest.mark.parametrize(
    ("bounds", "axis", "target"),
    [(Bounds(max_usd_per_1k=4.0), 0, 4.0), (Bounds(min_quality=0.8), 1, 0.8)],
)
def test_a_mixture_meets_the_bound_exactly(bounds, axis, target):
    it = chosen(bounds, mix=True)
    assert isinstance(it.point.policy, Mixture)
    assert it.point.score[axis] == target
    low, high = FRONT[1].score, FRONT[3].score
    weight = it.point.policy.weight
    mixed = [weight * a + (1 - weight) * b for a, b in zip(low, high, strict=True)]
    assert mixed == pytest.approx(list(it.point.score))


def test_the_weight_of_a_mixture_is_what_a_log_sees():
    log = random_log(4000, 2, seed=1)
    alone = [point(*means(policy, log), name) for name, policy in fixed(log)]
    target = sum(it.score.usd_per_1k for it in alone) / 2
    it = chosen(Bounds(max_usd_per_1k=target), mix=True, points=alone, best=alone[-1])
    found = means(it.point.policy, log)
    assert found.usd_per_1k == pytest.approx(target, rel=0.05)


def fixed(log):
    from routelab.policies import Fixed

    return [(name, Fixed(name)) for name in log.models]


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (Bounds(max_usd_per_1k=0.5), "costs 0.5 USD .* the least reachable is 1"),
        (Bounds(min_quality=0.95), "reaches quality 0.9500 on tune; the best reachable is 0.9200"),
        (
            Bounds(max_usd_per_1k=2.5, min_quality=0.8),
            "reaches quality 0.8000 at 2.5 USD .* the best reachable is 0.7000",
        ),
    ],
)
def test_a_bound_out_of_reach_names_the_best_reachable(bounds, says):
    with pytest.raises(TuningError, match=says):
        operating_points(FRONT, bounds, BEST, mix=False)


def test_a_mixture_raises_what_is_reachable_at_a_cost():
    with pytest.raises(TuningError, match=r"best reachable is 0\.7\d+"):
        operating_points(FRONT, Bounds(2.5, 0.95), BEST, mix=True)


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (Bounds(max_usd_per_1k=0), "--max-usd-per-1k is 0"),
        (Bounds(max_usd_per_1k=np.nan), "--max-usd-per-1k is nan"),
        (Bounds(min_quality=1.01), r"--min-quality is 1.01; quality lies in \[0, 1\]"),
        (Bounds(min_quality_share=-1), "--min-quality-share is -1"),
    ],
)
def test_bounds_that_make_no_sense(bounds, says):
    with pytest.raises(TuningError, match=says):
        bounds.check()


def test_all_senseless_bounds_are_named_at_once():
    with pytest.raises(TuningError) as caught:
        Bounds(-1.0, 2.0, 0.0).check()
    assert len(caught.value.problems) == 3
