"""Task means: searched with tables made without the row, exported as one model a task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tuning_world import log_of

from routelab.logs.model import Requests
from routelab.policies import Conditional, Fixed, Mixture, Utility
from routelab.tuning import Options, tune
from routelab.tuning.kinds import task_mean

N = 1200


def by_task(n=N, tasks=6, seed=0):
    """Either model is right on half of the tasks; the second costs ten times as much."""
    rng = np.random.default_rng(seed)
    task = rng.integers(0, tasks, n)
    right = np.where((task % 2 == 0)[:, None], [0.9, 0.92], [0.3, 0.9])
    quality = (rng.random((n, 2)) < right).astype(float)
    names = np.array([f"task {it}" for it in task], dtype=object)
    requests = Requests(id=np.array([f"r{row}" for row in range(n)], dtype=object), task=names)
    return log_of(quality, [1e-4, 1e-3] * rng.uniform(0.5, 1.5, (n, 2)), requests=requests)


@pytest.fixture(scope="module")
def study():
    return tune(by_task(), Options(name="tasks", policy="task-mean"))


def test_easy_tasks_go_to_the_cheap_model_and_one_line_says_so(study):
    assert study.kind == "task-mean"
    assert isinstance(study.policy, Conditional)
    assert study.policy.scorers_used == ()
    asked = {
        name: next(
            (it.policy for it in study.policy.rules if name in it.when.task),
            study.policy.otherwise,
        )
        for name in (f"task {it}" for it in range(6))
    }
    assert [asked[f"task {it}"].model for it in (1, 3, 5)] == ["middle"] * 3
    assert "small" in [asked[f"task {it}"].model for it in (0, 2, 4)]
    assert study.verdict.word == "ship"
    assert study.fitted is None


def test_the_front_is_of_the_whole_trade_off(study):
    costs = [it.score.usd_per_1k for it in study.front]
    assert costs == sorted(costs)
    assert costs[0] < 0.2
    assert costs[-1] > 0.5


def test_what_is_written_out_decides_as_what_was_searched(study):
    """On every row of test, a task of no row searched among them."""
    log = study.test.log
    names = log.requests.task.copy()
    names[:5] = "never seen"
    log = replace(log, requests=replace(log.requests, task=names))
    tables, prices = _tables(by_task()), [0.0, 20.0, 200.0, 2000.0]
    on = replace(study.test, log=log, scoring=tables.scoring())
    for price in prices:
        policy = Utility(log.models, task_mean.QUALITY, cost=task_mean.COST, cost_weight=price)
        written = task_mean.written_out(policy, tables)
        assert not isinstance(written, Utility)
        assert np.array_equal(on.replay(policy).answered, on.replay(written).answered)
    first, second = (
        Utility(log.models, task_mean.QUALITY, cost=task_mean.COST, cost_weight=price)
        for price in prices[1:3]
    )
    mixed = task_mean.written_out(Mixture(first, second, 0.3), tables)
    assert mixed == Mixture(*(task_mean.written_out(it, tables) for it in (first, second)), 0.3)
    assert task_mean.written_out(Fixed("small"), tables) == Fixed("small")


def test_tasks_too_many_to_name_are_looked_up(monkeypatch):
    monkeypatch.setattr(task_mean, "MOST", 100)
    log = by_task(n=3000, tasks=3000)
    policy = Utility(log.models, task_mean.QUALITY, cost=task_mean.COST, cost_weight=30.0)
    tables = _tables(log, shrink=0.0)
    assert task_mean.written_out(policy, tables) == policy


def test_noise_between_tasks_is_no_reason_to_route():
    """Every task alike, five rows of each: a table of the rows themselves would promise much."""
    rng = np.random.default_rng(1)
    log = by_task(n=600, tasks=120)
    log = replace(log, quality=np.asfortranarray((rng.random((600, 2)) < 0.7).astype(float)))
    study = tune(log, Options(name="noise", policy="task-mean", point="most-quality"))
    alone = max(study.tune.replay(Fixed(it)).quality.mean() for it in study.tune.models)
    assert study.points[0].point.score.quality < alone + 0.015


def _tables(log, shrink=20.0):
    from msgspec import structs

    from routelab import learning

    recipe = structs.replace(task_mean.TABLE, shrink=shrink)
    made = [
        learning.fit(log, target=target, models=log.models, recipe=recipe, name=name)
        for name, target in ((task_mean.QUALITY, "quality"), (task_mean.COST, "cost"))
    ]
    return made[0] | made[1]
