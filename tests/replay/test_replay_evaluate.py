"""Figures beside every baseline on the same rows, against counting by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_world import CASCADE, MODELS, logged, tuned_on, whole

from routelab.core.catalogue.catalogue import Catalogue
from routelab.logs.model.splits import split
from routelab.policies import Cascade, Fixed
from routelab.replay import NamedPolicy, comparison_set, evaluate, evaluate_jointly, run, study_rows
from routelab.replay.baselines import prompt_length
from routelab.stats.bootstrap import Resamples, interval

some = settings(deadline=None, max_examples=15)
seeds = st.integers(0, 2**32 - 1)


def figures(here, policy):
    (found,) = evaluate(here, [NamedPolicy("it", policy)])
    return found


def baselines(found):
    return {it.name: it for it in found.baselines}


def mixture_value(points, at):
    """Best quality that one point, or two mixed, reach at this cost."""
    best = max(q for c, q in points if c <= at)
    for c, q in points:
        for d, r in points:
            if c < at < d:
                best = max(best, q + (r - q) * (at - c) / (d - c))
    return best


def test_figures_are_what_counting_by_hand_gives():
    log = logged(60)
    here = whole(log)
    found = figures(here, CASCADE)
    done = run(CASCADE, log)
    quality = math.fsum(done.quality) / 60
    usd = math.fsum(done.cost_usd) / 60
    assert (found.policy, found.split, found.n_requests, found.n_dropped) == ("it", "all", 60, 0)
    assert found.quality == quality
    assert found.usd_per_1k == pytest.approx(1000 * usd, rel=1e-15)
    assert found.escalation_rate == sum(done.calls > 1) / 60
    shares = {name: sum(done.answered == i) / 60 for i, name in enumerate(MODELS)}
    assert found.model_share == shares
    assert sum(shares.values()) == pytest.approx(1.0)
    assert found.latency_p50_s == pytest.approx(np.median(done.latency_s))
    assert found.latency_p95_s == pytest.approx(np.quantile(done.latency_s, 0.95))
    points = [(log.cost_usd[:, i].mean(), log.quality[:, i].mean()) for i in range(3)]
    assert found.gain_vs_zero_router == pytest.approx(quality - mixture_value(points, usd))
    low, high = min(points)[0], max(points)[0]
    grid = np.linspace(low, high, 20_001)
    zero = np.mean([mixture_value(points, at) for at in grid])
    ours = np.mean([mixture_value([*points, (usd, quality)], at) for at in grid])
    assert found.aiq_zero_router == pytest.approx(zero, abs=1e-4)
    assert found.aiq == pytest.approx(ours, abs=1e-4)


def test_intervals_are_those_of_paired_resamples_of_groups():
    log = logged(2400)
    here = replace(whole(log), groups=np.repeat(np.arange(1200), 2))
    found = figures(here, CASCADE)
    done = run(CASCADE, log)
    columns = [done.quality, done.cost_usd, *log.quality.T, *log.cost_usd.T]
    means = Resamples(here.groups, n_resamples=2000, seed=0).means(np.column_stack(columns))
    assert found.quality_ci == interval(means[:, 0])
    assert found.usd_per_1k_ci == interval(1000 * means[:, 1])
    for index, name in enumerate(MODELS):
        baseline = baselines(found)[f"fixed:{name}"]
        assert baseline.quality_gain_ci == interval(means[:, 0] - means[:, 2 + index])
        saved = interval(1000 * (means[:, 5 + index] - means[:, 1]))
        assert baseline.saving_usd_per_1k_ci == saved
        ratios = 1 - means[:, 1] / means[:, 5 + index]
        assert baseline.saving_share_ci == pytest.approx(interval(ratios), abs=1e-12)
        assert baseline.saving_share == pytest.approx(
            1 - done.cost_usd.mean() / log.cost_usd[:, index].mean()
        )
    costs, lows = means[:, 5:8].mean(axis=0), []
    for cheap, dear in itertools.product(range(3), repeat=2):
        if costs[cheap] <= found.usd_per_1k / 1000 < costs[dear]:
            apart = means[:, 5 + dear] - means[:, 5 + cheap]
            share = np.clip((means[:, 1] - means[:, 5 + cheap]) / apart, 0, 1)
            mixed = (1 - share) * means[:, 2 + cheap] + share * means[:, 2 + dear]
            lows.append(interval(means[:, 0] - mixed).low)
    assert found.gain_ci[0] == pytest.approx(min(lows), abs=1e-12)
    assert found.gain_ci[1] >= 2 * found.gain_vs_zero_router - found.gain_ci[0]
    assert baselines(found)["zero_router"].quality_gain_ci == found.gain_ci


@pytest.mark.parametrize("model", MODELS)
def test_a_single_model_gains_nothing_and_that_is_certain(model):
    found = figures(whole(logged(400)), Fixed(model=model))
    assert found.gain_vs_zero_router == 0.0
    assert found.gain_ci == (0.0, 0.0)
    own = baselines(found)[f"fixed:{model}"]
    assert (own.quality_gain, own.quality_gain_ci) == (0.0, (0.0, 0.0))
    assert (own.saving_usd_per_1k, own.saving_usd_per_1k_ci) == (0.0, (0.0, 0.0))
    assert found.aiq == found.aiq_zero_router
    assert found.escalation_rate == 0.0


def test_no_more_than_all_of_a_cost_is_saved_however_it_varies():
    """A few requests cost a thousand times the others: the mean of either is no fixed number."""
    log = logged(60)
    heavy = np.random.default_rng(4).pareto(0.7, log.cost_usd.shape[0])[:, None]
    cost = log.cost_usd * (1 + heavy) * [0.01, 0.1, 1.0]
    found = figures(whole(replace(log, cost_usd=cost)), Fixed(model=MODELS[0]))
    dear = baselines(found)[f"fixed:{MODELS[2]}"]
    assert dear.saving_usd_per_1k_ci[1] / dear.usd_per_1k > 1.0
    low, high = dear.saving_share_ci
    assert 0 < low <= dear.saving_share <= high <= 1.0


def test_a_baseline_that_costs_nothing_has_no_share_to_save():
    log = logged(40)
    found = figures(whole(replace(log, cost_usd=log.cost_usd * [0, 1, 1])), CASCADE)
    assert baselines(found)[f"fixed:{MODELS[0]}"].saving_share is None
    assert baselines(found)[f"fixed:{MODELS[0]}"].saving_share_ci is None


def test_fixed_baselines_are_the_models_means():
    log = logged(120)
    found = baselines(figures(whole(log), CASCADE))
    for index, name in enumerate(MODELS):
        assert found[f"fixed:{name}"].quality == math.fsum(log.quality[:, index]) / 120
        mean_usd = math.fsum(log.cost_usd[:, index]) / 120
        assert found[f"fixed:{name}"].usd_per_1k == pytest.approx(1000 * mean_usd, rel=1e-15)


@some
@given(seeds, st.sampled_from([0.3, 0.5, 0.7]), st.sampled_from([0.2, 0.6]))
def test_baselines_that_spend_the_policys_cost_spend_it_exactly(seed, one, other):
    log = logged(200, seed=seed, task=True)
    here = study_rows(tuned_on(log), log, "test")
    found = figures(here, Cascade(models=MODELS, thresholds=(one, other), signal="sure"))
    them = baselines(found)
    models = [them[f"fixed:{name}"] for name in MODELS]
    assert min(it.usd_per_1k for it in models) < found.usd_per_1k
    most = max(models, key=lambda it: (it.quality, -it.usd_per_1k)).usd_per_1k
    assert them["zero_router"].usd_per_1k == found.usd_per_1k
    for name in ("random_mix", "prompt_length"):
        spent = min(found.usd_per_1k, most)
        assert them[name].usd_per_1k == pytest.approx(spent, rel=1e-12)
    if them["task_mean"].usd_per_1k != pytest.approx(found.usd_per_1k, rel=1e-12):
        assert unreachable_by_task(here, found.usd_per_1k)


def unreachable_by_task(here, usd_per_1k):
    """Whether even the best model of every task, at any price, costs less than this."""
    task, known = here.log.requests.task, here.reference.requests.task
    best = {
        name: int(here.reference.quality[known == name].mean(axis=0).argmax())
        for name in set(known)
    }
    cost = [here.log.cost_usd[row, best[name]] for row, name in enumerate(task)]
    return 1000 * np.mean(cost) <= usd_per_1k


@some
@given(seeds)
def test_nothing_beats_the_oracle(seed):
    log = logged(200, seed=seed, task=True)
    found = figures(study_rows(tuned_on(log), log, "all"), CASCADE)
    best = baselines(found)["oracle"]
    assert best.quality == math.fsum(log.quality.max(axis=1)) / 200
    assert found.quality <= best.quality
    for it in found.baselines:
        assert it.quality <= best.quality + 1e-12
    cheapest_of_best = [
        min(c for c, q in zip(cost, quality, strict=True) if q == max(quality))
        for cost, quality in zip(log.cost_usd, log.quality, strict=True)
    ]
    assert best.usd_per_1k == pytest.approx(1000 * np.mean(cheapest_of_best))


def test_prompt_length_sends_the_longest_prompts_to_the_best_model():
    log = logged(100)
    found = figures(whole(log), CASCADE)
    weak, strong = log.cost_usd[:, 0], log.cost_usd[:, 2]
    order = np.argsort([-len(prompt) for prompt in log.texts.prompts(np.arange(100))])
    room = found.usd_per_1k / 10 - weak.sum()
    share = np.zeros(100)
    for row in order:
        share[row] = min(1.0, room / (strong - weak)[row])
        room -= share[row] * (strong - weak)[row]
        if share[row] < 1.0:
            break
    mixed = log.quality[:, 0] + share * (log.quality[:, 2] - log.quality[:, 0])
    assert baselines(found)["prompt_length"].quality == pytest.approx(mixed.mean())


@pytest.mark.parametrize("best", ["small", "large"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0 - 2**-50])
def test_prompt_length_spends_nothing_more_where_the_cheapest_model_costs_all_there_is(best, share):
    log = logged(50)
    log.quality[:, MODELS.index(best)] = 1.0
    here = whole(log)
    weak = here.fixed()[0]
    found = prompt_length(here.log, here.fixed(), share * weak.cost_usd.mean())
    assert np.array_equal(found.quality, weak.quality)
    assert np.array_equal(found.cost_usd, weak.cost_usd)


def test_random_mix_is_the_line_between_the_cheapest_and_the_best_model():
    log = logged(100)
    found = figures(whole(log), CASCADE)
    (c, d), (q, r) = 1000 * log.cost_usd.mean(axis=0)[[0, 2]], log.quality.mean(axis=0)[[0, 2]]
    line = q + (r - q) * (found.usd_per_1k - c) / (d - c)
    assert baselines(found)["random_mix"].quality == pytest.approx(line)


def test_a_baseline_that_the_log_cannot_answer_is_left_out():
    always = {f"fixed:{name}" for name in MODELS} | {"oracle", "random_mix", "zero_router"}
    bare = logged(50, prompts=False)
    assert set(baselines(figures(whole(bare), CASCADE))) == always
    assert set(baselines(figures(whole(logged(50)), CASCADE))) == always | {"prompt_length"}
    tasks = logged(50, prompts=False, task=True)
    unlearned = whole(tasks, learn=False)
    assert set(baselines(figures(unlearned, CASCADE))) == always
    assert set(baselines(figures(whole(tasks), CASCADE))) == always | {"task_mean"}


def test_the_task_baseline_learns_on_no_later_part():
    log = logged(300, task=True)
    cut = split(log)
    spoilt = replace(log, quality=log.quality.copy())
    spoilt.quality[np.append(cut.rows("calibrate"), cut.rows("test"))] = 0.0
    options = {"catalogue": Catalogue(), "seed": 0}
    one, other = (
        figures(comparison_set(it, split(it), "tune", MODELS, **options), CASCADE)
        for it in (log, spoilt)
    )
    assert one == other


def test_latency_that_was_not_observed_is_none():
    log = logged(30, latency_s=np.full((30, 3), np.nan))
    found = figures(whole(log), CASCADE)
    assert (found.latency_p50_s, found.latency_p95_s) == (None, None)


def test_policies_are_measured_alike_alone_and_together():
    here = whole(logged(60))
    other = Cascade(models=("small", "large"), thresholds=(0.6,), signal="sure")
    together = evaluate(here, [NamedPolicy("a", CASCADE), NamedPolicy("b", other)])
    apart = evaluate(here, [NamedPolicy("a", CASCADE)]) + evaluate(here, [NamedPolicy("b", other)])
    assert together == apart


def test_an_interval_is_as_wide_as_groups_are_few():
    log = logged(200)
    alone = whole(log)
    grouped = replace(alone, log=log.take(np.repeat(np.arange(50), 4)), groups=np.arange(200) // 4)
    repeated = replace(grouped, groups=np.arange(200))

    def width(here):
        low, high = figures(here, CASCADE).quality_ci
        return high - low

    assert 1.6 < width(grouped) / width(repeated) < 2.5


def test_gains_of_policies_compared_have_intervals_that_hold_at_once():
    here = whole(logged(300))
    policies = [Cascade(MODELS, (0.3 + 0.1 * i, 0.4), "sure") for i in range(5)]
    found, joint = evaluate_jointly(
        here, [NamedPolicy(str(i), it) for i, it in enumerate(policies)]
    )
    factors = set()
    for it, together in zip(found, joint, strict=True):
        for end, wide in zip(it.gain_ci, together, strict=True):
            gain = it.gain_vs_zero_router
            factors.add(round((wide - gain) / (end - gain), 6))
    (factor,) = factors
    assert 1.0 < factor < 1.6
    alone = evaluate_jointly(here, [NamedPolicy("0", policies[0])])
    assert alone == ([found[0]], [found[0].gain_ci])
    same = evaluate_jointly(here, [NamedPolicy(str(i), policies[0]) for i in range(5)])
    assert same.gain_ci[0] == pytest.approx(same.figures[0].gain_ci, rel=0.1)
