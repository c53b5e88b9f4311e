"""The points that people ask for, and when a mixture is one of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuning_world import means, point, random_log

from routelab.errors import TuningError
from routelab.metrics.hull import hull, value_at
from routelab.policies import Mixture
from routelab.tuning import Bounds
from routelab.tuning.objectives.front import front, knee
from routelab.tuning.objectives.operating_points import best_at, operating_points

STEPS = st.integers(0, 12)
POINTS = st.lists(st.builds(lambda c, q: point(c / 4, q / 12), STEPS, STEPS), min_size=1)
FRONT = [point(1, 0.5), point(2, 0.7), point(3, 0.72), point(6, 0.9), point(10, 0.92)]
BEST = FRONT[-1]


def chosen(bounds, *, alone=(), points=FRONT, best=BEST):
    return operating_points(points, bounds, best, alone or [points[0], best])[0]


def test_a_policy_on_the_bound_is_exported_as_it_is():
    least = chosen(Bounds(min_quality=0.7))
    assert (least.name, least.point, least.mixed) == ("least-cost", FRONT[1], False)
    share = chosen(Bounds(min_quality_share=0.7 / 0.92))
    assert (share.name, share.point) == ("least-cost", FRONT[1])
    most = chosen(Bounds(max_usd_per_1k=6))
    assert (most.name, most.point) == ("most-quality", FRONT[3])


def test_the_stricter_of_two_floors_counts():
    it = chosen(Bounds(min_quality=0.5, min_quality_share=0.9 / 0.92))
    assert it.point == FRONT[3]


def test_both_bounds_give_the_least_cost_that_meets_both():
    assert chosen(Bounds(max_usd_per_1k=6, min_quality=0.7)).point == FRONT[1]


def test_without_a_bound_the_least_cost_at_enough_quality_is_exported():
    single = point(8, 0.905)
    it = chosen(Bounds(), points=[*FRONT[:4], single, BEST])
    assert (it.name, it.mixed, it.point) == ("least-cost", False, single)
    more = operating_points(FRONT, Bounds(), BEST, [FRONT[0], BEST], share=1.0)[0]
    assert more.point.score.quality >= BEST.score.quality


def test_where_only_a_model_alone_has_enough_quality_a_mixture_that_costs_less_is_exported():
    for points in (FRONT, [FRONT[0], BEST]):
        drawn = chosen(Bounds(), points=points)
        assert drawn.name == "least-cost"
        assert (drawn.mixed, drawn.plain) == (True, BEST)
        assert drawn.point.score.quality == pytest.approx(0.98 * BEST.score.quality)


def test_another_point_is_exported_where_it_is_asked_for():
    for name in ("knee", "most-quality", "least-cost"):
        listed = operating_points(FRONT, Bounds(), BEST, [FRONT[0], BEST], point=name)
        assert listed[0].name == name
        assert {it.name for it in listed} == {"least-cost", "most-quality", "knee"}
    found = operating_points(FRONT, Bounds(), BEST, [FRONT[0], BEST], point="knee")[0]
    assert found.point == knee([FRONT[0], FRONT[1], FRONT[3], FRONT[4]])
    bounded = operating_points(
        FRONT, Bounds(max_usd_per_1k=5), BEST, [FRONT[0], BEST], point="knee"
    )
    assert bounded[0].name == "most-quality"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.98, "or more, 98% of the best model's"),
        (0.995, "or more: to leave 98% elsewhere, 99.5% of the best model's"),
        (1.0, "or more: to leave 98% elsewhere, 100% of the best model's"),
    ],
)
def test_a_share_asked_for_so_that_the_default_is_left_is_said_in_percent(share, said):
    listed = operating_points(FRONT, Bounds(), BEST, [FRONT[0], BEST], share=share)
    (rule,) = {it.rule for it in listed if it.name == "least-cost"}
    assert rule.endswith(said)


def test_every_operating_point_keeps_the_users_bounds():
    for bounds in (Bounds(max_usd_per_1k=5), Bounds(min_quality=0.71), Bounds(5, 0.71)):
        listed = operating_points(FRONT, bounds, BEST, [FRONT[0], BEST])
        for it in listed[:1] + [it for it in listed if it.name != "knee"]:
            assert bounds.max_usd_per_1k is None or it.point.score.usd_per_1k <= 5
            assert bounds.min_quality is None or it.point.score.quality >= 0.71


@pytest.mark.parametrize(
    ("bounds", "simple"),
    [
        (Bounds(max_usd_per_1k=2.09), True),
        (Bounds(max_usd_per_1k=2.11), False),
        (Bounds(min_quality=0.875), True),
        (Bounds(min_quality=0.865), False),
    ],
)
def test_a_mixture_of_policies_must_be_worth_half_a_point_or_a_tenth_of_the_cost(bounds, simple):
    it = chosen(bounds)
    assert it.mixed is not simple
    assert it.plain in FRONT


def test_the_zero_router_need_not_be_worth_anything_to_be_exported():
    alone = [point(1, 0.5), point(10, 0.9)]
    points = [alone[0], point(5, 0.65), alone[1]]
    it = chosen(Bounds(max_usd_per_1k=5.0), points=points, alone=alone, best=alone[1])
    assert (it.mixed, it.plain) == (True, points[1])
    assert it.point.score.quality == pytest.approx(0.5 + 0.4 * 4 / 9)
    assert {it.point.policy.first, it.point.policy.second} == {one.policy for one in alone}
    equal = [alone[0], point(5, 0.5 + 0.4 * 4 / 9), alone[1]]
    same = chosen(Bounds(max_usd_per_1k=5.0), points=equal, alone=alone, best=alone[1])
    assert (same.point, same.mixed) == (equal[1], False)


@given(st.lists(st.tuples(STEPS, STEPS), min_size=2, max_size=5, unique=True), POINTS, st.data())
def test_no_export_is_worse_than_the_zero_router_under_the_same_bound(models, policies, data):
    alone = [point(c / 4, q / 12, f"m{at}") for at, (c, q) in enumerate(models)]
    best = max(alone, key=lambda it: (it.score.quality, -it.score.usd_per_1k))
    zero = hull(*zip(*(it.score for it in alone), strict=True))
    every = front([*alone, *policies])
    whole = hull(*zip(*(it.score for it in every), strict=True))
    usd = data.draw(st.floats(float(zero.cost[0]), float(zero.cost[-1]) + 0.01))
    if usd > 0:
        it = operating_points(every, Bounds(max_usd_per_1k=usd), best, alone)[0].point.score
        assert it.usd_per_1k <= usd
        assert it.quality >= value_at([it.usd_per_1k], zero)[0] - 0.000501
        assert it.quality >= value_at([usd], whole)[0] - 0.005001
    floor = data.draw(st.floats(float(zero.quality[0]), float(zero.quality[-1])))
    it = operating_points(every, Bounds(min_quality=floor), best, alone)[0].point.score
    assert it.quality >= floor
    own = value_at([it.usd_per_1k], zero)[0]
    assert it.quality >= own - 0.000501 or it.usd_per_1k <= np.interp(floor, *zero[::-1]) + 1e-9
    least = np.interp(floor, whole.quality, whole.cost)
    assert it.usd_per_1k * 0.9 <= least + 1e-9 or value_at(least, zero) >= floor - 0.005001


@given(POINTS, st.floats(0.0, 4.0))
def test_the_best_at_a_cost_is_on_the_hull(points, above):
    kept = front(points)
    usd = kept[0].score.usd_per_1k + above
    corners = hull(*zip(*(it.score for it in kept), strict=True))
    found = best_at(kept, usd).score
    assert found.usd_per_1k <= usd
    assert found.quality == pytest.approx(value_at([usd], corners)[0])


@pytest.mark.parametrize(
    ("bounds", "axis", "target"),
    [(Bounds(max_usd_per_1k=4.0), 0, 4.0), (Bounds(min_quality=0.8), 1, 0.8)],
)
def test_a_mixture_meets_the_bound_exactly(bounds, axis, target):
    it = chosen(bounds)
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
    it = chosen(Bounds(max_usd_per_1k=target), points=alone, alone=alone, best=alone[-1])
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
            "reaches quality 0.8000 at 2.5 USD .* the best reachable is 0.7250",
        ),
    ],
)
def test_a_bound_out_of_reach_names_the_best_reachable(bounds, says):
    with pytest.raises(TuningError, match=says):
        operating_points(FRONT, bounds, BEST, [FRONT[0], BEST])


def test_policies_are_exported_and_mixed_where_no_single_model_keeps_to_the_bounds():
    on_it, between = Bounds(min_quality=0.7), Bounds(min_quality=0.8)
    least = operating_points(FRONT, on_it, BEST, [])[0]
    assert (least.point, least.mixed) == (FRONT[1], False)
    mixed = operating_points(FRONT, between, BEST, [])[0]
    assert mixed.mixed
    assert isinstance(mixed.point.policy, Mixture)
    assert mixed.point.score.quality == 0.8


def test_a_mixture_raises_what_is_reachable_at_a_cost():
    with pytest.raises(TuningError, match=r"best reachable is 0\.7\d+"):
        operating_points(FRONT, Bounds(2.5, 0.95), BEST, [FRONT[0], BEST])


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (Bounds(max_usd_per_1k=0), "`max_usd_per_1k` is 0"),
        (Bounds(max_usd_per_1k=np.nan), "`max_usd_per_1k` is nan"),
        (Bounds(min_quality=1.01), r"`min_quality` is 1.01; quality lies in \[0, 1\]"),
        (Bounds(min_quality_share=-1), "`min_quality_share` is -1"),
    ],
)
def test_bounds_that_make_no_sense(bounds, says):
    with pytest.raises(TuningError, match=says):
        bounds.check()


def test_all_senseless_bounds_are_named_at_once():
    with pytest.raises(TuningError) as caught:
        Bounds(-1.0, 2.0, 0.0).check()
    assert len(caught.value.problems) == 3
