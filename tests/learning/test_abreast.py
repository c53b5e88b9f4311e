"""Fits at once: the same as one after the other, on any number of processors."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest
from learning_world import MODELS, QUICK, telling_log
from threadpoolctl import threadpool_info

from routelab import learning
from routelab.learning import abreast


@pytest.fixture(params=[1, 2, 5])
def processors(request, monkeypatch):
    monkeypatch.setattr(abreast, "cpu_count", lambda: request.param)
    return request.param


def test_results_come_in_the_order_of_the_tasks(processors):
    first_done = threading.Event()

    def task(number):
        if processors > 1 and number == 0:
            assert first_done.wait(10)  # by another, so that they do run at once
        first_done.set()
        return number

    assert abreast.abreast(partial(task, number) for number in range(20)) == list(range(20))
    assert abreast.abreast([]) == []


def test_each_task_has_one_thread(processors):
    def threads():
        np.ones((300, 300)) @ np.ones((300, 300))
        return {it["num_threads"] for it in threadpool_info()}

    before = threadpool_info()
    assert abreast.abreast([threads] * 6) == [{1}] * 6
    assert threadpool_info() == before


def test_the_first_failure_is_told_and_what_waits_is_given_up(processors):
    done = []

    def task(number):
        done.append(number)
        if number == 1:
            raise ValueError("number 1")

    with pytest.raises(ValueError, match="number 1"):
        abreast.abreast(partial(task, number) for number in range(5000))
    assert len(done) < 5000


def test_a_scorer_is_the_same_on_any_number_of_processors(processors, monkeypatch):
    log = telling_log(150)
    for target, after in (("quality", False), ("gain", True)):  # the second in two layers
        there = learning.fit(log, target=target, models=MODELS, recipe=QUICK, after=after)
        monkeypatch.setattr(abreast, "cpu_count", lambda: 1)
        alone = learning.fit(log, target=target, models=MODELS, recipe=QUICK, after=after)
        monkeypatch.setattr(abreast, "cpu_count", lambda: processors)
        assert there.scorers == alone.scorers
        assert there.tensors.keys() == alone.tensors.keys()
        for name, tensor in there.tensors.items():
            assert tensor.tobytes() == alone.tensors[name].tobytes()
        assert there.held_out[target].tobytes() == alone.held_out[target].tobytes()
