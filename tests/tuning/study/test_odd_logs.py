"""Logs that leave little to learn or to choose end in a sensible study, or say what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tuning_world import failing, log_of, random_log

from routelab.errors import RoutelabError
from routelab.logs.model import Requests
from routelab.policies import Fixed
from routelab.tuning import Options, tune

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
