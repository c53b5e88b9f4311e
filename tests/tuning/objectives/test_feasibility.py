"""Bounds on latency and on what groups lose: held on tune, judged on test, checked by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tuning_world import random_log, whole

from routelab.errors import TuningError
from routelab.policies import Cascade, Fixed
from routelab.replay import run as replay
from routelab.tuning import Bounds, Floor, Options, tune
from routelab.tuning.kinds.cascade_space import Cascades
from routelab.tuning.objectives.feasibility import FEWEST, demands, p95_s
from routelab.tuning.objectives.score import mean_cost_quality
from routelab.tuning.study import inputs
from routelab.tuning.study.export import as_json

TASKS = np.array(["algebra", "prose", "rare"], dtype=object)


def log_of(n=3000, seed=0):
    """Large answers slowly; in prose small is as good, in algebra it is poor but sure of itself."""
    rng = np.random.default_rng(seed + 1)
    plain = random_log(n, 3, seed)
    which = rng.choice(3, n, p=[0.45, 0.54, 0.01])
    quality = plain.quality.copy(order="F")
    quality[which == 0, 0] = rng.random((which == 0).sum()) < 0.2
    quality[which == 1, 0] = rng.random((which == 1).sum()) < 0.88
    latency = rng.lognormal(size=(n, 3), sigma=0.3) * [0.4, 0.9, 2.0]
    tasks = TASKS[which]
    return replace(
        plain,
        requests=replace(plain.requests, task=tasks),
        quality=quality,
        latency_s=np.asfortranarray(latency),
    )


LOG = log_of()


def options(bounds, **more):
    return Options(**{"name": "x", "trials": 60, "policy": "cascade", "bounds": bounds, **more})


def loss_by_hand(policy, log, group, reference="large"):
    rows = np.flatnonzero(log.requests.task == group)
    done, other = replay(policy, log), replay(Fixed(reference), log)
    return float(other.quality[rows].mean() - done.quality[rows].mean())


def test_every_excess_is_what_it_is_by_hand():
    bounds = Bounds(
        max_usd_per_1k=1.0, min_quality=0.8, max_p95_s=2.0, floors=(Floor("task", 0.02),)
    )
    wanted = demands(bounds, whole(LOG), Fixed("large"), 0.8)
    policy = Cascade(("small", "large"), (0.55,), "confidence")
    done = replay(policy, LOG)
    score = mean_cost_quality(done)
    found = wanted.excess(score, done)
    assert found["cost"] == score.usd_per_1k / 1.0 - 1
    assert found["quality"] == 0.8 - score.quality
    assert found["latency_p95"] == np.quantile(done.latency_s, 0.95) / 2.0 - 1
    for group in ("algebra", "prose"):
        by_hand = loss_by_hand(policy, LOG, group) - 0.02
        assert found[f"task={group}"] == pytest.approx(by_hand, abs=1e-12)
    (groups,) = wanted.groups
    assert groups.small == {"rare": int((LOG.requests.task == "rare").sum())}
    assert groups.small["rare"] < FEWEST
    assert set(found) == {"cost", "quality", "latency_p95", "task=algebra", "task=prose"}


def test_the_reference_itself_loses_nothing():
    wanted = demands(Bounds(floors=(Floor("task", 0.0),)), whole(LOG), Fixed("large"), 0.8)
    assert set(wanted.further(replay(Fixed("large"), LOG)).values()) == {0.0}


def test_a_search_marks_what_breaks_a_bound():
    bounds = Bounds(max_p95_s=2.0, floors=(Floor("task", 0.02),))
    on = whole(LOG)
    task = Cascades(
        on, inputs.thresholds(LOG, ["confidence"]), demands(bounds, on, Fixed("large"), 0.8)
    )
    policy = Cascade(("small", "large"), (0.55,), "confidence")
    outcome = task.measure({**dict.fromkeys(task.space, 0.5), **task.params(policy)})
    assert outcome.excess == task.demands.further(on.replay(task.policy(
        {**dict.fromkeys(task.space, 0.5), **task.params(policy)})))  # fmt: skip
    assert not outcome.feasible


def test_without_floors_a_task_is_sacrificed_and_with_them_it_is_not():
    careless = tune(LOG, options(Bounds(min_quality_share=0.9)))
    careful = tune(LOG, options(Bounds(min_quality_share=0.9, floors=(Floor("task", 0.03),))))
    reference = max(LOG.models, key=lambda m: careful.tune.replay(Fixed(m)).quality.mean())
    lost = [
        max(loss_by_hand(s.policy, s.tune.log, g, reference) for g in ("algebra", "prose"))
        for s in (careless, careful)
    ]
    assert lost[0] > 0.03 >= lost[1]
    for point in careful.front:
        for group in ("algebra", "prose"):
            assert loss_by_hand(point.policy, careful.tune.log, group, reference) <= 0.03 + 1e-12


@pytest.mark.parametrize(
    "policy", ["cascade", pytest.param("tiers", marks=pytest.mark.slow(reason="it learns"))]
)
def test_a_latency_bound_holds_on_tune_for_every_operating_point(few, policy):
    free = tune(few, options(Bounds(), policy=policy, trials=20))
    slowest = max(p95_s(free.tune.replay(p.policy)) for p in free.front)
    fastest = min(p95_s(free.tune.replay(p.policy)) for p in free.front)
    limit = (slowest + fastest) / 2
    bound = tune(few, options(Bounds(max_p95_s=limit), policy=policy, trials=20))
    assert all(p95_s(bound.tune.replay(it.point.policy)) <= limit for it in bound.points)
    told = {it["bound"]: it for it in as_json(bound)["bounds"]}
    latency = bound.test.replay(bound.policy).latency_s
    assert told["latency_p95"]["test"] == np.quantile(latency, 0.95)
    assert told["latency_p95"]["tune"] <= limit
    low, high = told["latency_p95"]["test_ci"]
    assert low <= told["latency_p95"]["test"] <= high


def test_the_verdict_judges_each_group_on_test():
    study = tune(LOG, options(Bounds(floors=(Floor("task", 0.03),))))
    told = {it["bound"]: it for it in as_json(study)["bounds"]}
    assert set(told) == {"task=algebra", "task=prose"}
    reference = max(LOG.models, key=lambda m: study.tune.replay(Fixed(m)).quality.mean())
    for name, it in told.items():
        by_hand = loss_by_hand(study.policy, study.test.log, name.partition("=")[2], reference)
        assert it["test"] == pytest.approx(by_hand, abs=1e-12)
        assert it["met"] == (it["test"] <= 0.03)
        assert it["test_ci"][0] <= it["test"] <= it["test_ci"][1]
        settled = not it["test_ci"][0] <= 0.03 <= it["test_ci"][1]
        assert (it["needed"] is None) or not settled
    assert any("task groups are too small on test" in it and "rare (" in it
               for it in study.verdict.reasons)  # fmt: skip
    missed = [it for it in told.values() if not it["met"]]
    if missed:
        assert study.verdict.word != "ship"
    for point in as_json(study)["operating_points"]:
        assert [it["bound"] for it in point["bounds"]] == list(told)


def test_a_missed_floor_forbids_shipping():
    """On test, algebra is one that small never gets right."""
    study = tune(LOG, options(Bounds(floors=(Floor("task", 0.03),))))
    rows = study.split.rows("test")
    worse = LOG.quality.copy(order="F")
    spoilt = rows[LOG.requests.task[rows] == "algebra"]
    worse[np.ix_(spoilt, [0, 1])] = 0.0
    worse[spoilt, 2] = 1.0
    again = tune(replace(LOG, quality=worse), options(Bounds(floors=(Floor("task", 0.03),))))
    assert again.policy == study.policy
    if again.policy != Fixed("large"):
        assert again.verdict.word != "ship"
        (reason,) = (it for it in again.verdict.reasons if it.startswith("task=algebra loses"))
        assert reason.endswith("3 allowed: missed")


def test_a_policy_file_says_what_it_was_bound_to(few, tmp_path):
    from routelab.policy_file import load
    from routelab.tuning.study.export import save

    study = tune(few, options(Bounds(max_usd_per_1k=6.0, floors=(Floor("task", 0.05),))))
    document = load(save(study, tmp_path / "x.policy").path).document
    assert document.evaluation["bounds"] == json.loads(json.dumps(as_json(study)["bounds"]))
    asked = document.provenance["options"]["bounds"]
    assert asked["floors"] == [{"by": "task", "loss": 0.05}]


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (Bounds(max_p95_s=0.01), r"P95 latency is 0\.\d+ s at best, and 0\.01 s is allowed"),
        (Bounds(max_p95_s=1.5, floors=(Floor("task", 0.0),)), "at once on tune, though each can"),
        (Bounds(floors=(Floor("tenant", 0.1),)), "has no tenant column"),
        (Bounds(floors=(Floor("moon", 0.1),)), "grouped by task, tenant, priority"),
        (Bounds(floors=(Floor("task", 1.5),)), r"the loss lies in \[0, 1\]"),
        (Bounds(floors=(Floor("task", 0.1), Floor("task", 0.2))), "is given 2 times"),
        (Bounds(0.4, floors=(Floor("task", 0.0),)), "no policy within the bounds on latency and"),
        (Bounds(max_p95_s=-1), "`max_p95_s` is -1; it must be positive"),
    ],
)
def test_bounds_that_cannot_be_met_or_make_no_sense(bounds, says):
    with pytest.raises(TuningError, match=says):
        tune(LOG, options(bounds, trials=10))


def test_all_bounds_that_the_log_cannot_answer_are_named_at_once():
    blind = replace(LOG, latency_s=np.full_like(LOG.latency_s, np.nan))
    with pytest.raises(TuningError) as refused:
        tune(blind, options(Bounds(max_p95_s=1.0, floors=(Floor("tenant", 0.1),))))
    assert "no latency of any candidate" in str(refused.value)
    assert "no tenant column" in str(refused.value)


def test_a_policy_is_exported_where_no_single_model_meets_the_bounds():
    answers_s = LOG.latency_s.copy(order="F")
    answers_s[LOG.requests.task == "prose", 2] *= 3.0
    log = replace(LOG, latency_s=answers_s)
    study = tune(log, options(Bounds(max_p95_s=7.0, floors=(Floor("task", 0.16),))))
    for it in log.models:
        slow = p95_s(replay(Fixed(it), log)) > 7.0
        assert slow or max(loss_by_hand(Fixed(it), log, task) for task in TASKS[:2]) > 0.16
    assert isinstance(study.policy, Cascade)
    assert all(it.tune is None or it.tune <= it.limit for it in study.judged[0])
