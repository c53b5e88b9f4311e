"""Fits that do not depend on each other, on every processor at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from joblib import cpu_count  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

T = TypeVar("T")


def abreast(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """Results in the order of the tasks, each computed by one thread alone.

    A sum is so made in one order on any machine, and results do not depend on how many
    processors there are.

    Raises:
        Exception: what the first task that failed raised; those not begun are given up.
    """
    waiting = list(tasks)
    with threadpool_limits(limits=1):
        if min(len(waiting), cpu_count()) < 2:
            return [task() for task in waiting]
        with ThreadPoolExecutor(cpu_count(), initializer=_one_thread) as pool:
            begun = [pool.submit(task) for task in waiting]
            try:
                return [it.result() for it in begun]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _one_thread() -> None:
    """OpenMP counts the threads of each thread apart."""
    threadpool_limits(limits=1, user_api="openmp")
