"""Fits at once: the same as one after the other, on any number of processors."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from learning_world import MODELS, QUICK, telling_log
from threadpoolctl import threadpool_info, threadpool_limits

from routelab import learning
from routelab.learning import parallel_fits

MANY = parallel_fits.WORTHWHILE


def test_little_work_is_done_by_the_caller():
    found = parallel_fits.parallel_fits([threading.get_ident] * 5, MANY - 1)
    assert found == [threading.get_ident()] * 5


@pytest.fixture(params=[1, 2, 5])
def processors(request, monkeypatch):
    monkeypatch.setattr(parallel_fits, "cpu_count", lambda: request.param)
    return request.param


def test_results_come_in_the_order_of_the_tasks(processors):
    first_done = threading.Event()

    def task(number):
        if processors > 1 and number == 0:
            assert first_done.wait(10)  # by another, so that they do run at once
        first_done.set()
        return number

    assert parallel_fits.parallel_fits((partial(task, it) for it in range(20)), MANY) == list(
        range(20)
    )
    assert parallel_fits.parallel_fits([], MANY) == []


def test_each_task_has_one_thread(processors):
    def threads():
        np.ones((300, 300)) @ np.ones((300, 300))
        return {it["num_threads"] for it in threadpool_info()}

    before = threadpool_info()
    assert parallel_fits.parallel_fits([threads] * 6, MANY) == [{1}] * 6
    assert threadpool_info() == before


def test_the_first_failure_is_told_and_what_waits_is_given_up(processors, monkeypatch):
    done, given_up = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            given_up.set()
            super().shutdown(wait=wait)

    def task(number):
        done.append(number)
        if number == 1:
            raise ValueError("number 1")
        if number > 1:
            assert given_up.wait(60)

    monkeypatch.setattr(parallel_fits, "ThreadPoolExecutor", Pool)
    with pytest.raises(ValueError, match="number 1"):
        parallel_fits.parallel_fits((partial(task, number) for number in range(50)), MANY)
    assert len(done) <= 2 + processors


def test_fits_at_once_do_not_lift_each_others_limit():
    before, entered, leave = threadpool_info(), threading.Event(), threading.Event()

    def first():
        with parallel_fits.alone():
            entered.set()
            leave.wait(10)

    def second():
        with parallel_fits.alone():
            leave.set()  # too early, if the first is still inside
            time.sleep(0.2)
            return {it["num_threads"] for it in threadpool_info() if it["user_api"] == "blas"}

    with ThreadPoolExecutor() as pool:
        there = pool.submit(first)
        assert entered.wait(10)
        then = pool.submit(second)
        assert not leave.wait(0.2)
        leave.set()
        there.result()
        assert then.result() == {1}
    assert threadpool_info() == before


@pytest.mark.parametrize(
    ("quota", "most"), [("150000 100000", 2), ("10000 100000", 1), ("max 100000", 64)]
)
def test_a_container_counts_what_it_may_use(quota, most, tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(parallel_fits, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(parallel_fits.os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert parallel_fits.cpu_count() == most


def test_a_scorer_is_the_same_on_any_number_of_processors(processors, monkeypatch):
    monkeypatch.setattr(parallel_fits, "WORTHWHILE", 0)
    log = telling_log(150)
    for target, after in (("quality", False), ("gain", True)):  # the second in two layers
        there = fitted(log, target, QUICK, after)
        monkeypatch.setattr(parallel_fits, "cpu_count", lambda: 1)
        assert same(there, fitted(log, target, QUICK, after))
        monkeypatch.setattr(parallel_fits, "cpu_count", lambda: processors)


@pytest.mark.slow
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
