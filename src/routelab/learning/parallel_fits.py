"""Fits that do not depend on each other, on every processor at once.

Libraries below numpy and scikit-learn add in another order on another number of threads. Here
each thread computes alone, so that results are the same bytes on any number of processors.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

T = TypeVar("T")

WORTHWHILE = 20_000
"""Labels from which threads save time: below, they mostly wait for the interpreter's lock."""

_LIMITED = RLock()
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cpu_count() -> int:
    """Processors that this process may use, as a container's quota (cgroup v2) rounds up to."""
    allowed = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = _QUOTA.read_text("ascii").split()
        return min(allowed, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # there is none, or it is "max"
        return allowed


@contextmanager
def alone() -> Iterator[None]:
    """Libraries use one thread inside; other threads that want the same wait.

    The limit is the process's, so that who leaves first would lift it for all; so are the filters
    of warnings. joblib warns where it finds no program that counts physical cores, which one
    thread has no use for, and a process may be told to end at any warning.
    """
    with _LIMITED, threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Could not find the number of physical cores")
        yield


def parallel_fits(tasks: Iterable[Callable[[], T]], labels: int) -> list[T]:
    """Results in the order of the tasks, each computed by one thread alone.

    Args:
        tasks: fits that do not depend on each other.
        labels: how many each task learns from, about.
    Raises:
        Exception: what the first task that failed raised; those not begun are given up.
    """
    waiting = list(tasks)
    with alone():
        if labels < WORTHWHILE or min(len(waiting), cpu_count()) < 2:
            return [task() for task in waiting]
        with ThreadPoolExecutor(cpu_count(), initializer=_one_thread) as pool:
            try:
                begun = [pool.submit(task) for task in waiting]
                return [future.result() for future in begun]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _one_thread() -> None:
    """OpenMP counts the threads of each thread apart."""
    threadpool_limits(limits=1, user_api="openmp")
