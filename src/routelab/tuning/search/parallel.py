"""A search by one process or several, which share finished trials through a store.

Every process runs the whole loop and begins each generation at another trial; a trial that one
has finished, the others take from the store. Since a trial's outcome follows from its
parameters, the result is the same with any number of processes, whatever becomes of them.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import optuna

from routelab.core import Progress
from routelab.tuning.search import trial_loop
from routelab.tuning.search.trial_loop import FinishedTrial, Plan, SearchTask
from routelab.tuning.search.trial_store import StorageLocation, TrialStore

PATIENCE_S = 30.0
"""Seconds that a helper may take to see that all trials are done, before it is ended."""


class SearchResult(NamedTuple):
    """The trials of a search.

    Attributes:
        trials: in their order.
        study: the same trials as an Optuna study.
        resumed: trials that an earlier run had finished.
    """

    trials: list[FinishedTrial]
    study: optuna.Study
    resumed: int


def search(
    task: SearchTask,
    plan: Plan,
    location: StorageLocation | None = None,
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> SearchResult:
    """Search with this process and `processes - 1` helpers.

    Args:
        task: space, objectives and measure; it is pickled for helpers.
        plan: trials, seed, sampler and starts.
        location: where trials are kept and taken up again; None keeps them for this run only.
        processes: that share the trials; the result is the same with any number.
        progress: called with the number of finished trials and that of all.
    Raises:
        TuningError: the storage cannot be used, or holds another search.
    """
    if processes == 1 and location is None:
        return SearchResult(*trial_loop.run_trials(task, plan, progress=progress), 0)
    with tempfile.TemporaryDirectory(prefix="routelab-") as folder:
        location = location or StorageLocation(str(Path(folder) / "trials.log"), "search", {})
        location = location._replace(shared=processes > 1)
        store = TrialStore(location, task.names)
        # This process has forgotten old trials by now; a helper must not forget the new ones.
        with _helpers(task, plan, location._replace(fresh=False), processes):
            trials, study = trial_loop.run_trials(task, plan, store, progress=progress)
        return SearchResult(trials, study, store.resumed)


@contextmanager
def _helpers(
    task: SearchTask, plan: Plan, location: StorageLocation, processes: int
) -> Iterator[None]:
    """Helpers that work until all trials are done."""
    context = multiprocessing.get_context("spawn")  # a fork would copy locks of other threads
    helpers = [
        context.Process(target=_help, args=(task, plan, location, index / processes), daemon=True)
        for index in range(1, processes)
    ]
    for helper in helpers:
        helper.start()
    try:
        yield
    except BaseException:
        for helper in helpers:
            helper.terminate()
        raise
    finally:
        for helper in helpers:
            _end(helper)


def _end(helper: BaseProcess) -> None:
    helper.join(PATIENCE_S)
    if helper.is_alive():
        helper.terminate()
        helper.join()
    if helper.exitcode:
        warnings.warn(
            f"a helper process of the search ended with exit code {helper.exitcode}; the other"
            " processes did its trials, and the result is the same",
            stacklevel=4,
        )


def _help(task: SearchTask, plan: Plan, location: StorageLocation, offset: float) -> None:
    """What a helper does."""
    trial_loop.run_trials(
        task, plan, TrialStore(location, task.names), offset=offset, progress=_orphaned
    )


def _orphaned(_done: int, _of: int) -> None:
    """End with the process that asked for help."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        sys.exit(0)
