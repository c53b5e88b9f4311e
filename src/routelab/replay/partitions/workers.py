"""One task for each partition, on threads, processes or a Dask cluster; results in order.

A task is a function of what it is given, so one that was lost with its worker is simply run
again, and the result is the same.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from routelab.core import Progress
from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError, RoutelabError

LOST = 3
"""Times that a task may be lost with its worker before the run is given up."""

_T = TypeVar("_T")
_R = TypeVar("_R")


class Workers:
    """Where tasks run.

    Args:
        start: starts the workers; called again when they have died.
        gone: errors that say that a worker died, and not that its task failed.
        at_once: tasks handed out at a time, so that results do not pile up.
    """

    def __init__(
        self, start: Callable[[], Executor], gone: tuple[type[BaseException], ...], at_once: int
    ) -> None:
        self.gone = gone
        self.at_once = at_once
        self._start = start
        self._pool: Executor | None = None

    @property
    def pool(self) -> Executor:
        """The workers, started when they are first needed."""
        if self._pool is None:
            self._pool = self._start()
        return self._pool

    def replace(self) -> None:
        """Have new workers started instead of those that died."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        self._pool = None

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        self._pool = None

    def map(
        self, task: Callable[[_T], _R], items: Sequence[_T], progress: Progress | None = None
    ) -> Iterator[_R]:
        """Results in the order of the items, each as soon as all before it are there.

        Args:
            task: a function that can be sent to another process.
            items: each given to one call of it.
            progress: told of items that are done.
        Raises:
            RoutelabError: a task was lost with its worker three times; or what a task raises.
        """
        run = _Run(self, task, items, progress)
        try:
            yield from run.results()
        finally:
            run.abandon()


class _Run:
    """A run of one task over some items."""

    def __init__(
        self,
        workers: Workers,
        task: Callable[[Any], Any],
        items: Sequence[Any],
        progress: Progress | None,
    ) -> None:
        self._workers, self._task, self._items = workers, task, items
        self._progress = progress
        self._running: dict[Future[Any], int] = {}
        self._done: dict[int, Any] = {}
        self._lost = [0] * len(items)
        self._waiting = list(range(len(items)))
        self._finished = 0

    def results(self) -> Iterator[Any]:
        for index in range(len(self._items)):
            while index not in self._done:
                self._start()
                ready, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in ready:
                    self._collect(future)
            yield self._done.pop(index)

    def abandon(self) -> None:
        """Do not begin tasks that nobody waits for any more."""
        for future in self._running:
            future.cancel()

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._workers.at_once:
            index = self._waiting.pop(0)
            try:
                future = self._workers.pool.submit(self._task, self._items[index])
            except BrokenExecutor:
                self._waiting.insert(0, index)
                self._replace()
                continue
            self._running[future] = index

    def _collect(self, future: Future[Any]) -> None:
        index = self._running.pop(future, None)
        if index is None:
            return
        error = CancelledError("lost") if future.cancelled() else future.exception()
        if error is None:
            self._done[index] = future.result()
            self._finished += 1
            if self._progress is not None:
                self._progress(self._finished, len(self._items))
        elif isinstance(error, self._workers.gone):
            self._again(index, error)
        else:
            raise error

    def _again(self, index: int, error: BaseException) -> None:
        self._lost[index] += 1
        if self._lost[index] >= LOST:
            raise RoutelabError(
                f"partition {index + 1} of {len(self._items)} was lost {LOST} times with the"
                f" worker that read it ({type(error).__name__}): it may need more memory than"
                " there is; use smaller files, or fewer workers"
            ) from error
        self._waiting.insert(0, index)
        if isinstance(error, BrokenExecutor):
            self._replace()

    def _replace(self) -> None:
        """New workers for those that died; what else they were at is begun again."""
        self._waiting = sorted({*self._waiting, *self._running.values()})
        self._running.clear()
        self._workers.replace()


@contextmanager
def workers(where: str = "threads", count: int | None = None) -> Iterator[Workers]:
    """Workers by name: threads, processes, or dask://HOST:PORT of a scheduler.

    Args:
        count: of threads or processes; default one for each processor.
    Raises:
        RoutelabError: an unknown name, or a scheduler that does not answer.
        MissingExtraError: Dask is not installed.
    """
    with ExitStack() as stack:
        made = _made(where, count or os.cpu_count() or 1, stack)
        stack.callback(made.close)
        yield made


def _made(where: str, n: int, stack: ExitStack) -> Workers:
    if where == "threads":
        return Workers(lambda: ThreadPoolExecutor(n), (), 2 * n)
    if where == "processes":
        context = multiprocessing.get_context("spawn")  # Arrow's threads do not survive a fork
        return Workers(lambda: ProcessPoolExecutor(n, context), (BrokenExecutor,), 2 * n)
    if where.startswith("dask://"):
        return _dask(where, stack)
    raise RoutelabError(
        f"`workers` {where}: choose threads, processes, or dask://HOST:PORT of a scheduler"
    )


def _dask(where: str, stack: ExitStack) -> Workers:
    try:
        from distributed import Client, KilledWorker
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"`workers` {where} needs the extra dask: {how_to_install('dask')}"
        ) from error
    address = f"tcp://{where.removeprefix('dask://')}"
    connect: Callable[..., Any] = Client
    try:
        client = stack.enter_context(connect(address, timeout=5, set_as_default=False))
    except (OSError, ValueError) as error:
        raise RoutelabError(
            f"`workers` {where}: no Dask scheduler answers there; start one with"
            " `dask scheduler`, and workers that see the same files"
        ) from error
    n = max(1, sum(client.ncores().values()))
    gone = (KilledWorker, CancelledError)
    return Workers(lambda: client.get_executor(pure=False), gone, 2 * n)
