"""What a budget has room for follows from the log's shape; the clock is asked before anything."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tuning_world import random_log

from routelab.errors import TuningError
from routelab.logs.model.log import Requests
from routelab.tuning import Bounds, Options, tune
from routelab.tuning.budget import ACCOUNT, Clock, LogShape, PlannedStep, planned
from routelab.tuning.study import as_json
from routelab.tuning.tuners import LEARNED

SMALL = LogShape(300, 120, 120, 2, 1, tasks=True, prompts=True)
SHAPES = st.builds(
    LogShape,
    train=st.integers(1, 10**6),
    tune=st.integers(1, 10**6),
    test=st.integers(1, 10**6),
    models=st.integers(2, 60),
    signals=st.integers(0, 5),
    tasks=st.booleans(),
    prompts=st.booleans(),
    scored=st.just(False),
)


def auto(**options):
    return Options(**{"name": "x", **options})


@given(SHAPES, st.floats(0.1, 10_000))
def test_whatever_the_log_the_quick_kinds_come_first_and_every_kind_is_accounted_for(shape, budget):
    plan = planned(auto(budget_s=budget), shape)
    assert plan == planned(auto(budget_s=budget), shape)
    assert "cascade" in plan.kinds[:2]
    assert ("task-mean" in plan.kinds) == shape.tasks
    assert plan.kinds[0] == ("task-mean" if shape.tasks else "cascade")
    assert not set(plan.kinds) & set(plan.left_out)
    if shape.prompts:
        assert {*LEARNED} <= {*plan.kinds, *plan.left_out}
    assert 1 <= plan.trials <= 400
    assert plan.rows is None or (0 < plan.rows < shape.train and {*LEARNED} & {*plan.kinds})


@given(SHAPES)
def test_more_time_has_room_for_more(shape):
    short, long = (planned(auto(budget_s=budget), shape) for budget in (30.0, 3000.0))
    assert len(long.kinds) >= len(short.kinds)
    if {*LEARNED} & {*short.kinds}:
        assert (long.rows or shape.train) >= (short.rows or shape.train)
    assert long.trials >= short.trials


def test_a_minute_has_room_for_every_kind_on_a_small_log():
    assert planned(auto(), SMALL).left_out == ()


TOOK = {
    LogShape(3195, 3195, 795, 5, 2, tasks=True, prompts=True): 57.0,
    LogShape(4811, 4811, 1189, 2, 0, tasks=True, prompts=True): 18.2,
    LogShape(9539, 9539, 2432, 12, 0, tasks=True, prompts=True): 69.2,
    LogShape(3700, 3700, 914, 7, 1, tasks=True, prompts=True): 37.5,
}
"""Processor seconds that whole studies took, on one processor of two."""


@pytest.mark.parametrize("shape", TOOK)
def test_what_is_planned_is_what_studies_took(shape):
    seconds = planned(auto(budget_s=1e6), shape).seconds
    assert TOOK[shape] / 1.5 < seconds < TOOK[shape] * 1.5


def test_nothing_is_learned_from_a_log_with_nothing_to_read():
    plan = planned(auto(), replace_shape(signals=0, tasks=False, prompts=False))
    assert plan.kinds == ("cascade",)
    assert plan.left_out == ()


def replace_shape(**changes):
    return SMALL._replace(**changes)


def test_without_a_budget_or_for_one_kind_all_that_was_asked_for_is_tried():
    every = planned(auto(budget_s=None), SMALL)
    assert every.kinds == ("task-mean", "cascade", *LEARNED, "conditional")
    assert (every.trials, every.rows, every.seconds) == (400, None, None)
    assert planned(auto(policy="utility"), SMALL).kinds == ("utility",)


def test_a_clock_keeps_what_there_was_no_time_to_begin():
    now = [0.0]
    clock = Clock(10.0, now=lambda: now[0])
    assert clock.begins("a")
    assert clock.left() == " (10 s left)"
    now[0] = 11.0
    assert not clock.begins("b")
    assert not clock.begins("b")
    assert (clock.cut, clock.left()) == (["b"], " (0 s left)")
    endless = Clock(None, now=lambda: now[0])
    now[0] = 1e9
    assert endless.begins("anything")
    assert endless.left() == ""


def test_a_step_that_cannot_end_within_the_budget_is_not_begun():
    now = [0.0]
    clock = Clock(100.0, now=lambda: now[0])
    clock.steps = (
        PlannedStep("the quick kinds", 10.0),
        PlannedStep("utility", 20.0, 5.0),
        PlannedStep("tiers", 1.0, 30.0),
        PlannedStep("cascade-routing", 10.0),
        PlannedStep(ACCOUNT, 20.0),
    )
    now[0] = 30.0  # twice as slow as planned, with what is loaded once: (30 + 10) / (10 + 10)
    assert clock.begins("utility")  # ends at 80
    now[0] = 50.0  # 60 / 40
    assert not clock.begins("tiers")  # ends at 104, with the comparison of utility still owed
    assert clock.begins("cascade-routing")  # ends at 72.5, with that too
    now[0] = 62.0  # (62 + 10) / (10 + 25 + 10 + 10) = 1.31
    assert clock.begins(ACCOUNT)  # ends at 88.2
    now[0] = 75.0  # 1.55: would end at 105.9
    assert not clock.begins(ACCOUNT)
    assert clock.cut == ["tiers", ACCOUNT]
    assert clock.begins("scorer quality")  # nothing was planned for it by itself


def test_a_quick_machine_may_begin_what_the_plan_thought_too_long():
    now = [0.0]
    clock = Clock(100.0, now=lambda: now[0])
    clock.steps = (PlannedStep("the quick kinds", 90.0), PlannedStep(ACCOUNT, 90.0))
    now[0] = 40.0
    assert clock.begins(ACCOUNT)  # half of what was planned: 40 + 45
    now[0] = 60.0
    assert not clock.begins(ACCOUNT)


@given(SHAPES, st.floats(0.1, 10_000))
def test_the_steps_of_a_plan_are_what_it_is_expected_to_take(shape, budget):
    plan = planned(auto(budget_s=budget), shape)
    names = [it.name for it in plan.steps]
    assert names[0] == "the quick kinds"
    assert {*names[1:]} - {ACCOUNT} == {*plan.kinds} - {"task-mean", "cascade"}
    assert (ACCOUNT in names) == plan.account
    total = sum(it.seconds + it.later_s for it in plan.steps)
    assert total == pytest.approx(plan.seconds, abs=0.2)
    # A machine as fast as the plan supposes begins all of it, if it has room at all.
    now = [0.0]
    clock = Clock(budget, now=lambda: now[0])
    clock.steps = plan.steps
    for step in plan.steps[1:]:
        now[0] = sum(it.seconds for it in plan.steps[: plan.steps.index(step)])
        if step.name not in LEARNED:
            now[0] += sum(it.later_s for it in plan.steps)
        assert clock.begins(step.name) or total > budget


def test_an_account_that_cannot_end_in_time_is_cut_and_said(monkeypatch):
    ids = np.array([f"r{row}" for row in range(400)], dtype=object)
    task = np.array(["a", "b"] * 200, dtype=object)
    log = random_log(400, 3, seed=0, requests=Requests(id=ids, task=task))
    now = [0.0]
    monkeypatch.setattr(
        "routelab.tuning.study.study.Clock", lambda budget: Clock(budget, lambda: now[0])
    )

    def slow(text):
        if text.startswith("judging on test"):  # there is time left, but not for the account
            now[0] = 57.0

    study = tune(log, auto(trials=5), notify=slow)
    assert study.account is None
    assert study.plan.seconds + 1.0 < 57.0 < study.options.budget_s
    assert study.cut_short == ("the account of what is learned",)
    assert study.plan.account
    assert as_json(study)["plan"]["steps"][-1]["name"] == "the account of what is learned"


def test_a_study_that_the_clock_cuts_says_what_was_not_tried(monkeypatch):
    slow = itertools.count(0.0, 100.0).__next__  # every look at the clock is 100 s after the last
    monkeypatch.setattr("routelab.tuning.study.study.Clock", lambda budget: Clock(budget, slow))
    ids = np.array([f"r{row}" for row in range(400)], dtype=object)
    task = np.array(["a", "b"] * 200, dtype=object)
    log = random_log(400, 3, seed=0, requests=Requests(id=ids, task=task))
    study = tune(log, auto(trials=5))
    assert {it.kind for it in study.rivals} == {"cascade"}
    assert "utility" in study.cut_short
    assert as_json(study)["cut_short"] == list(study.cut_short)
    (note,) = [it for it in study.notes if "no time" in it]
    assert note.endswith(": there was no time to learn them")
    assert not any("nothing could be learned" in it for it in study.notes)
    monkeypatch.undo()
    whole = tune(log, auto(trials=5, account=False))
    assert whole.cut_short == ()
    assert "utility" in {it.kind for it in whole.rivals}
    assert {it.kind for it in whole.tried} == {it.kind for it in whole.rivals}
    assert [it.kind for it in whole.tried if it.exported] == [whole.kind]


def test_what_was_learned_and_not_accounted_for_is_not_called_nothing(monkeypatch):
    ids = np.array([f"r{row}" for row in range(400)], dtype=object)
    task = np.array(["a", "b"] * 200, dtype=object)
    log = random_log(400, 3, seed=0, requests=Requests(id=ids, task=task))
    options = auto(policy="utility")
    monkeypatch.setattr(Clock, "begins", lambda _, what: not what.startswith("the account"))
    study = tune(log, options)
    assert study.fitted is not None
    assert as_json(study)["apgr_reason"] == "there was no time for it"


def test_a_plan_that_learns_nothing_has_no_rows_to_learn_from():
    plan = planned(auto(budget_s=0.5), SMALL._replace(train=10**5))
    assert not {*LEARNED} & {*plan.kinds}
    assert plan.rows is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"point": "knee", "bounds": Bounds(min_quality=0.8)}, "leave `point='knee'` out"),
        ({"point": "most-quality", "bounds": Bounds(max_usd_per_1k=1.0)}, "`point='most-quality'`"),
        ({"budget_s": 5.0, "policy": "cascade"}, "`policy='cascade'` is one"),
    ],
)
def test_points_and_budgets_that_would_change_nothing_are_refused(given, says):
    with pytest.raises(TuningError) as refused:
        auto(**given).check()
    (problem,) = refused.value.problems
    assert says in problem


def test_a_point_beside_a_bound_on_latency_alone_is_taken():
    auto(point="knee", bounds=Bounds(max_p95_s=9.0)).check()


def test_budgets_and_points_out_of_range_are_refused():
    with pytest.raises(TuningError) as refused:
        auto(budget_s=0.0, point="middle").check()
    assert [*refused.value.problems] == [
        "`budget_s` is 0.0; it must be positive",
        "`point` middle: choose least-cost, most-quality, knee",
    ]


def test_a_default_is_no_bound_that_a_verdict_demands():
    study = tune(random_log(600, 2, seed=3), auto(policy="cascade", trials=5))
    assert study.points[0].name == "least-cost"
    assert study.judged[0] == []
    assert "knee" in {it.name for it in study.points}
    asked = replace(study.options, bounds=Bounds(min_quality_share=0.9))
    assert not asked.by_default


def test_of_a_partial_log_kinds_of_one_call_are_planned():
    assert planned(auto(), replace_shape(scored=True)).kinds == ("task-mean", "utility")
    assert planned(auto(), replace_shape(scored=True, tasks=False)).kinds == ("utility",)
