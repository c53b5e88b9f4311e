"""The common front of all kinds: what is expected on other rows, and who leads at which cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tuning_world import log_of, point, random_log

from routelab.core.catalogue import Catalogue
from routelab.logs.model import split
from routelab.metrics import hull, value_at
from routelab.policies import Cascade, Fixed
from routelab.replay import comparison_set
from routelab.tuning.kinds import HeldOut, Holdout, cascade
from routelab.tuning.objectives import Bounds, FrontPoint, demands
from routelab.tuning.selection import stack

BUDGETS = np.linspace(0.1, 1.0, 10)


def holdout_of(log):
    log = replace(log, catalogue=Catalogue())
    on = comparison_set(log, split(log, seed=0), "all", log.models, catalogue=Catalogue(), seed=0)
    return Holdout(on, demands(Bounds(), on, Fixed(log.models[-1]), 1.0))


def alone_of(holdout):
    return [FrontPoint(Fixed(it), holdout.score(Fixed(it))) for it in holdout.comparison.models]


def searched(holdout):
    """The front of plain cascades, and what it reaches on folds that it was not chosen on."""
    search, on = cascade.source(("confidence",)), holdout.comparison
    single = [Fixed(name) for name in on.models]
    chosen = [
        [*single, *search(on.take(holdout.rows_without(fold), "tune"))]
        for fold in range(holdout.folds)
    ]
    return holdout.front([*single, *search(on)]), holdout.held_out(chosen, BUDGETS)


def noise(seed, n=600):
    """Two models whose confidence says nothing."""
    rng = np.random.default_rng(seed)
    quality = (rng.random((n, 2)) < [0.6, 0.7]).astype(float)
    return log_of(quality, [1e-4, 1e-3], rng.random((n, 2)))


def gain(points, alone):
    """What the hull of a front adds to that of the models alone, over the budgets."""
    zero = hull(*zip(*(it.score for it in alone), strict=True))
    whole = hull(*zip(*(it.score for it in [*points, *alone]), strict=True))
    return float((value_at(BUDGETS, whole) - value_at(BUDGETS, zero)).mean())


def test_what_noise_promises_is_not_expected_of_it():
    promised, expected = [], []
    for seed in range(6):
        holdout = holdout_of(noise(seed))
        points, held_out = searched(holdout)
        alone = alone_of(holdout)
        single = [it.policy for it in alone]
        promised.append(gain(points, alone))
        expected.append(gain(stack.expected(points, held_out, single), alone))
    assert np.mean(promised) > 0.005
    assert np.mean(expected) < 0.5 * np.mean(promised)


def test_models_alone_keep_their_means():
    holdout = holdout_of(random_log(800, 3, seed=1))
    points, held_out = searched(holdout)
    alone = alone_of(holdout)
    found = stack.expected(points, held_out, [it.policy for it in alone])
    before = {it.policy: it.score for it in points if isinstance(it.policy, Fixed)}
    after = {it.policy: it.score for it in found if isinstance(it.policy, Fixed)}
    assert after
    assert all(before[policy] == score for policy, score in after.items())


def test_signal_is_taken_and_of_equal_kinds_the_simplest():
    holdout = holdout_of(random_log(2000, 2, seed=2))
    points, held_out = searched(holdout)
    alone = alone_of(holdout)
    kinds = {"cascade": points, "utility": points}
    front, of, _ = stack.stacked(kinds, dict.fromkeys(kinds, held_out), alone, holdout)
    assert any(isinstance(it.policy, Cascade) for it in front)
    assert set(of.values()) == {"cascade"}


def test_a_kind_that_leads_at_some_costs_is_taken_there_and_nowhere_else():
    rng = np.random.default_rng(0)
    holdout = holdout_of(noise(3))
    alone = [point(0.1, 0.6, "small"), point(1.0, 0.7, "middle")]
    zero = holdout.held_out([[it.policy for it in alone_of(holdout)]] * holdout.folds, BUDGETS)
    better = zero.sums.copy()
    noisy = rng.normal(0.0, 0.1, better.shape[:2])
    better[:5, :, 1] += 2.0 + noisy[:5]  # of 25 requests a block
    better[5:, :, 1] += noisy[5:] - 0.5
    low, high = point(0.3, 0.72, "low"), point(0.9, 0.9, "high")
    front, of, _ = stack.stacked(
        {"cascade": [low, high]}, {"cascade": HeldOut(BUDGETS, better, zero.n)}, alone, holdout
    )
    assert low in front
    assert high not in front
    assert of[low.policy] == "cascade"


def test_a_model_that_may_not_be_exported_alone_is_in_no_front():
    holdout = holdout_of(random_log(800, 2, seed=4))
    points, held_out = searched(holdout)
    routed = [it for it in points if isinstance(it.policy, Cascade)]
    front, *_ = stack.stacked({"cascade": routed}, {"cascade": held_out}, [], holdout)
    assert front
    assert all(isinstance(it.policy, Cascade) for it in front)


def test_where_only_the_dearest_model_may_be_exported_alone_cheaper_policies_stay_in_the_front():
    holdout = holdout_of(random_log(2000, 3, seed=2))
    points, held_out = searched(holdout)
    dearest = max(alone_of(holdout), key=lambda it: it.score.usd_per_1k)
    routed = [it for it in points if isinstance(it.policy, Cascade)]
    front, *_ = stack.stacked({"cascade": routed}, {"cascade": held_out}, [dearest], holdout)
    assert min(it.score.usd_per_1k for it in front) == routed[0].score.usd_per_1k
    assert routed[0].score.usd_per_1k < dearest.score.usd_per_1k


def test_a_model_that_few_rows_rank_below_a_policy_stays_along_the_trade_off():
    holdout = holdout_of(noise(3, n=90))  # two points of quality are no proof on so few
    alone = alone_of(holdout)
    best = max(alone, key=lambda it: it.score.quality)
    rows = np.bincount(holdout.block)
    sums = np.repeat(holdout.sums([best.policy]), len(BUDGETS), axis=0)
    sums[:, :, 1] += 0.02 * rows + np.random.default_rng(0).normal(0.0, 0.3, len(rows))
    better = best.score._replace(quality=best.score.quality + 0.02)
    lucky = FrontPoint(Cascade(holdout.comparison.models, (0.5,), "confidence"), better)
    stacked = stack.Stack([lucky], {}, HeldOut(BUDGETS, sums, 90))
    found = stack.along({"cascade": [lucky]}, stacked, alone, holdout)
    assert best.policy in [it.policy for it in found]


def test_what_is_not_shown_to_be_worse_stays_along_the_trade_off_and_what_is_goes():
    holdout = holdout_of(random_log(600, 2, seed=5))
    points, held_out = searched(holdout)
    alone = alone_of(holdout)
    single = [it.policy for it in alone]
    at = [float(it.policy.thresholds[0]) for it in points if isinstance(it.policy, Cascade)]
    models = holdout.comparison.models
    others = [Cascade(models, (it + 0.004,), "confidence") for it in at]  # dominated, by little
    backwards = [Cascade(models[::-1], (it,), "confidence") for it in at]  # pays the dear one first
    every = [*points, *(FrontPoint(it, holdout.score(it)) for it in (*others, *backwards))]
    proposed = {"cascade": stack.expected(every, held_out, single)}
    stacked = stack.stacked({"cascade": points}, {"cascade": held_out}, alone, holdout)
    found = stack.along(proposed, stacked, alone, holdout)
    costs = [it.score.usd_per_1k for it in found]
    assert costs == sorted(costs)
    assert {it.score for it in stacked.front} <= {it.score for it in found}
    assert len({it.score for it in found}) == len(found) > len(stacked.front)
    kept = {it.policy for it in found}
    assert kept & set(others)
    assert not kept & set(backwards)


def test_a_lead_at_one_cost_is_drawn_to_that_over_all_where_it_may_be_noise():
    rng = np.random.default_rng(1)
    noise = np.repeat(rng.normal(0.1, 1.0, (1, 24)), 30, axis=0) + rng.normal(0, 0.5, (30, 24))
    spread = np.ptp(stack._drawn(noise).sum(axis=1))
    assert spread < 0.3 * np.ptp(noise.sum(axis=1))
    real = noise + np.linspace(-3, 3, 30)[:, None]  # the lead turns around along the trade-off
    assert np.ptp(stack._drawn(real).sum(axis=1)) > 0.9 * np.ptp(real.sum(axis=1))
