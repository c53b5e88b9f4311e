"""Missing outcomes: by task, by model and where a model fails are told; chance is not."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

from routelab.metrics import missing_outcomes, missing_sentences, mixed_mean, outcome_counts


def without(log, gone, column):
    """The log where a model's outcome is missing on some requests."""
    quality = log.quality.copy()
    quality[gone, column] = np.nan
    return replace(log, quality=quality)


def told(log):
    return list(missing_sentences(*missing_outcomes(log)))


def test_a_whole_log_lacks_nothing(sample_log):
    assert missing_outcomes(sample_log) == ([], False)


@pytest.mark.parametrize("share", [0.002, 0.02, 0.1])
def test_chance_is_no_alarm(sample_log, share):
    rng, few = np.random.default_rng(0), sample_log.take(np.arange(1000))
    alarms = 0
    for _ in range(200):
        quality = few.quality.copy()
        quality[rng.random(quality.shape) < share] = np.nan
        alarms += bool(told(replace(few, quality=quality)))
    assert alarms <= 2  # one in a thousand is said to happen


def test_outcomes_that_miss_where_the_model_fails(sample_log):
    rng = np.random.default_rng(1)
    wrong = (sample_log.quality[:, 1] < 0.5) & (rng.random(len(sample_log)) < 0.3)
    (it,), _ = missing_outcomes(without(sample_log, wrong, 1))
    assert it.model == sample_log.models[1]
    assert it.missing == wrong.sum()
    assert it.ease is not None
    assert it.ease[0] < it.ease[1]
    truth = sample_log.quality[:, 1].mean()
    assert it.bounds[0] <= truth <= it.bounds[1]
    assert it.quality > truth  # what is missing was worse
    assert "requests are harder" in told(without(sample_log, wrong, 1))[0]


def test_outcomes_that_miss_by_task_are_weighed_again(sample_log):
    task = sample_log.requests.task
    rng = np.random.default_rng(2)
    gone = (task == "law") & (rng.random(len(sample_log)) < 0.9)
    (it,), _ = missing_outcomes(without(sample_log, gone, 0))
    truth = sample_log.quality[:, 0].mean()
    assert max(it.by_task, key=it.by_task.get) == "law"
    assert abs(it.reweighted - truth) < abs(it.quality - truth)
    assert "most in the tasks law (" in told(without(sample_log, gone, 0))[0]


def test_a_task_without_any_outcome_cannot_be_weighed(sample_log):
    gone = sample_log.requests.task == "law"
    (it,), _ = missing_outcomes(without(sample_log, gone, 0))
    assert it.reweighted is None
    assert it.by_task["law"] == 1.0


def test_a_model_that_lacks_more_than_others(sample_log):
    gone = np.random.default_rng(3).random(len(sample_log)) < 0.2
    found, uneven = missing_outcomes(without(sample_log, gone, 0))
    assert uneven
    assert found[0].by_chance
    assert "than of other models" in told(without(sample_log, gone, 0))[0]


def test_a_model_without_any_outcome(sample_log):
    everything = np.ones(len(sample_log), dtype=bool)
    (sentence,) = told(without(sample_log, everything, 0))
    assert "nothing is known of its quality" in sentence


@pytest.mark.parametrize("tasks", [True, False])
def test_counts_of_parts_add_up_to_those_of_the_whole(sample_log, tasks):
    rng = np.random.default_rng(4)
    gone = rng.random(sample_log.quality.shape) < np.where(sample_log.quality < 0.5, 0.2, 0.05)
    log = replace(sample_log, quality=np.where(gone, np.nan, sample_log.quality))
    if not tasks:
        log = replace(log, requests=replace(log.requests, task=None))
    whole, uneven = missing_outcomes(log)
    parts = [log.take(np.arange(at, len(log), 3)) for at in range(3)]
    summed, too = reduce(lambda one, other: one + other, map(outcome_counts, parts)).judged()
    assert too == uneven
    assert len(whole) == len(log.models)
    for one, other in zip(whole, summed, strict=True):
        assert (one.model, one.missing, one.by_task) == (other.model, other.missing, other.by_task)
        assert one.ease == pytest.approx(other.ease)
        assert one.quality == pytest.approx(other.quality)
        assert one.bounds == pytest.approx(other.bounds)
        assert one.reweighted == pytest.approx(other.reweighted)


def test_the_mix_of_tasks_is_worked_out_by_hand():
    wanted = {"a": 1, "b": 3}
    assert mixed_mean({"a": (2, 1.0), "b": (1, 1.0)}, wanted) == (0.5 + 3) / 4
    assert mixed_mean({"a": (1, 1.0)}, wanted) is None
