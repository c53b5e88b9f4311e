"""Fits at once: the same as one after the other, on any number of processors."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from learning_world import MODELS, QUICK, telling_log
from threadpoolctl import threadpool_info, threadpool_limits

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
    done, told = [], threading.Event()

    def task(number):
        done.append(number)
        if number == 1:
            raise ValueError("number 1")
        if number > 1:
            told.wait(10)

    threading.Timer(0.5, told.set).start()
    with pytest.raises(ValueError, match="number 1"):
        abreast.abreast(partial(task, number) for number in range(50))
    assert len(done) <= 2 + processors


def test_fits_at_once_do_not_lift_each_others_limit():
    before = threadpool_info()
    inside, leave = threading.Barrier(2), threading.Event()

    def first():
        with abreast.alone():
            inside.wait(10)
            leave.wait(10)

    def second():
        inside.wait(10)
        leave.set()
        with abreast.alone():
            return {it["num_threads"] for it in threadpool_info() if it["user_api"] == "blas"}

    with ThreadPoolExecutor() as pool:
        done = pool.submit(first), pool.submit(second)
        assert done[1].result() == {1}
        done[0].result()
    assert threadpool_info() == before


def test_a_scorer_is_the_same_on_any_number_of_processors(processors, monkeypatch):
    log = telling_log(150)
    for target, after in (("quality", False), ("gain", True)):  # the second in two layers
        there = fitted(log, target, QUICK, after)
        monkeypatch.setattr(abreast, "cpu_count", lambda: 1)
        assert same(there, fitted(log, target, QUICK, after))
        monkeypatch.setattr(abreast, "cpu_count", lambda: processors)


def test_a_scorer_is_the_same_whatever_threads_libraries_would_use():
    log = telling_log(20_000)
    recipe = learning.Recipe(learners=("prior", "numbers"), calibrator="platt", folds=3)
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            found.append(fitted(log, "quality", recipe, after=False))
    assert same(*found)


def fitted(log, target, recipe, after):
    return learning.fit(log, target=target, models=MODELS, recipe=recipe, after=after)


def same(one, other):
    assert one.scorers == other.scorers
    assert one.tensors.keys() == other.tensors.keys()
    pairs = [(one.tensors[name], other.tensors[name]) for name in one.tensors]
    pairs += [(one.held_out[name], other.held_out[name]) for name in one.held_out]
    return all(a.tobytes() == b.tobytes() for a, b in pairs)
