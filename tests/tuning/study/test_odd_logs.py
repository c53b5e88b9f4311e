"""Logs that leave little to learn or to choose end in a sensible study, or say what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tuning_world import failing, log_of, random_log

from routelab import synthetic
from routelab.errors import RoutelabError
from routelab.logs.model import Requests, split
from routelab.policies import Cascade, Fixed
from routelab.tuning import Options, tune
from routelab.tuning.study import caveats

KINDS = ("task-mean", "cascade")


def named(log, tasks):
    ids = np.array([f"r{row}" for row in range(len(log))], dtype=object)
    names = np.array([f"task {it}" for it in tasks], dtype=object)
    return replace(log, requests=Requests(id=ids, task=names))


def studied(log, kind, **options):
    return tune(log, Options(name="odd", policy=kind, trials=5, **options))


def sound(study):
    """Whatever is exported costs no more than the dearest model, and figures are numbers."""
    it = study.figures
    assert np.isfinite([it.quality, it.usd_per_1k, *it.gain_ci]).all()
    assert it.usd_per_1k <= 1.001 * max(b.usd_per_1k for b in it.baselines)
    return study


@pytest.mark.parametrize("kind", KINDS)
def test_thirty_requests_ship_nothing(kind):
    log = named(random_log(30, 3, seed=0), np.arange(30) % 3)
    if kind == "task-mean":
        with pytest.raises(RoutelabError, match=r"labelled rows; at least 30 are needed"):
            studied(log, kind)
    else:
        assert sound(studied(log, kind)).verdict.word != "ship"


def test_one_task_leaves_task_means_nothing_to_choose():
    study = sound(studied(named(random_log(400, 3, seed=1), np.zeros(400, int)), "task-mean"))
    assert study.policy.by_chance
    assert study.verdict.word != "ship"


def test_a_task_of_one_request_each_is_no_news():
    study = sound(studied(named(random_log(2000, 2, seed=2), np.arange(2000)), "task-mean"))
    assert study.figures.gain_vs_zero_router == pytest.approx(0.0, abs=0.01)
    assert study.verdict.word != "ship"


@pytest.mark.parametrize("kind", KINDS)
def test_models_with_equal_outcomes_are_not_routed_between(kind):
    log = random_log(500, 3, seed=3)
    same = np.asfortranarray(np.repeat(log.quality[:, :1], 3, axis=1))
    cheap = named(replace(log, quality=same), np.arange(500) % 4)
    study = sound(studied(cheap, kind))
    assert study.verdict.word == "do not route"
    assert study.policy == Fixed("small")


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_always_fails_is_never_chosen_alone(kind):
    log = failing(random_log(600, 3, seed=4), 0, share=(0.0, 1.0, 0.0))
    study = sound(studied(named(log, np.arange(600) % 5), kind))
    assert study.policy != Fixed("middle")
    assert all(it.policy != Fixed("middle") for it in study.front)


@pytest.mark.parametrize("kind", KINDS)
def test_what_costs_nothing_goes_to_the_best_model(kind):
    log = random_log(600, 3, seed=5)
    free = named(replace(log, cost_usd=np.zeros_like(log.cost_usd)), np.arange(600) % 2)
    study = studied(free, kind)
    assert study.verdict.word != "ship"
    alone = max(study.tune.replay(Fixed(it)).quality.mean() for it in study.tune.models)
    assert study.points[0].point.score.quality >= 0.97 * alone


def test_a_kind_that_needs_what_the_log_lacks_says_so():
    bare = log_of(np.eye(2)[np.random.default_rng(0).integers(0, 2, 300)], [1e-4, 1e-3])
    with pytest.raises(RoutelabError, match="neither prompts nor a task"):
        studied(bare, "utility")


THREE = ("small-8b", "large", "frontier")


@pytest.fixture(scope="module")
def usual():
    """Prompts, tasks, tokens and two confidences."""
    return synthetic.sample().take(np.arange(160)).only(THREE)


def with_tasks(log, tasks):
    return replace(log, requests=replace(log.requests, task=np.array(tasks, dtype=object)))


def with_failing(log):
    fails = np.array([False, True, False])
    return replace(
        log,
        quality=np.asfortranarray(np.where(fails, 0.0, log.quality)),
        error=np.asfortranarray(log.error | fails),
        signals={name: np.where(fails, np.nan, it) for name, it in log.signals.items()},
    )


def new_on_test(log):
    test = split(log, seed=0).part == "test"
    return with_tasks(log, np.where(test, "new", log.requests.task))


ODD = {
    "thirty requests": lambda log: log.take(np.arange(30)),
    "one task": lambda log: with_tasks(log, ["one"] * len(log)),
    "a task for each request": lambda log: with_tasks(
        log, [f"task {at}" for at in range(len(log))]
    ),
    "a task that is new on test": new_on_test,
    "equal outcomes": lambda log: replace(
        log, quality=np.asfortranarray(np.repeat(log.quality[:, :1], 3, axis=1))
    ),
    "a model that always fails": with_failing,
    "costs of zero": lambda log: replace(log, cost_usd=np.zeros_like(log.cost_usd)),
    "no tokens of one model": lambda log: replace(
        log,
        completion_tokens=np.where([True, False, False], np.nan, log.completion_tokens),
    ),
    "no prompts": lambda log: replace(log, texts=None),
    "no tasks": lambda log: replace(log, requests=replace(log.requests, task=None)),
}


@pytest.mark.parametrize("what", ODD)
def test_all_kinds_come_to_a_clear_end(usual, what):
    study = sound(studied(ODD[what](usual), "auto", account=False))
    if what == "thirty requests":
        assert study.verdict.word == "not proven"
        assert any("nothing could be learned from 24 requests" in it for it in study.notes)
    if what == "equal outcomes":
        assert study.policy == Fixed("small-8b")
        assert study.verdict.word == "do not route"
    if what == "a model that always fails":
        assert study.policy != Fixed("large")
        share = study.figures.model_share
        assert share["large"] < 0.01
    if what == "costs of zero":
        assert study.verdict.word != "ship"


@pytest.mark.slow
def test_thirty_thousand_tasks_of_one_request_each_come_to_an_end():
    log = named(random_log(30_000, 2, seed=2), np.arange(30_000))
    study = sound(studied(log, "auto", account=False))
    assert study.figures.gain_ci[1] < 0.05  # confidence helps a little, tasks not at all


def test_a_router_that_hardly_routes_is_said_to_have_collapsed(usual):
    study = studied(usual, "cascade")
    one, other = {"small-8b": 0.0, "large": 0.01, "frontier": 0.99}, {"small-8b": 0.5, "large": 0.5}
    router = Cascade(("large", "frontier"), (0.99,), "confidence")
    (text,) = caveats.collapsed(router, one, study.test)
    assert "collapsed to one model: frontier answers 99.0% of test requests" in text
    assert not [*caveats.collapsed(router, other, study.test)]
    assert not [*caveats.collapsed(Fixed("frontier"), {"frontier": 1.0}, study.test)]
