"""Routers that learn what anybody learns in an afternoon: task means, words of the prompt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.logs.model import Log
from routelab.replay.baselines.trade_off import Expectation, TradeOff, trade_off
from routelab.replay.result import Replay
from routelab.stats import evenly

TASK_MEAN, RIDGE, TASK_RIDGE, NEIGHBORS = "task_mean", "ridge", "task_ridge", "knn"
READ_PROMPTS = (RIDGE, TASK_RIDGE, NEIGHBORS)

MOST_LEARNED, MOST_JUDGED = 10_000, 50_000
"""Requests whose words are learned from, evenly of more; and from which on words are not read."""

FEWEST = 20
"""Requests below which words are not learned from."""


class LearnedRouters(NamedTuple):
    """Routers that learned from other requests.

    Attributes:
        by_name: each along its trade-off.
        left_out: by name, why there is none.
    """

    by_name: dict[str, TradeOff]
    left_out: dict[str, str]


def learned_routers(
    reference: Log, log: Log, fixed: list[Replay], *, prompts: bool
) -> LearnedRouters:
    """The routers that the log has what is needed for.

    `task_mean` expects the means of the request's task, of all requests where the task is new.
    `ridge` expects quality by ridge regression on the prompt's words (TF-IDF) and costs by task,
    `knn` quality by the most similar prompts, `task_ridge` the mean of `ridge` and `task_mean`.

    Args:
        reference: rows to learn from, with the candidates only.
        log: rows to route, none of them among those.
        fixed: what each candidate alone does on them.
        prompts: whether to read any.
    """
    tasks = _by_task(reference, log)
    found = {}
    left_out = {}
    if log.requests.task is None or reference.requests.task is None:
        left_out[TASK_MEAN] = "no tasks"
    else:
        found[TASK_MEAN] = trade_off(tasks, fixed)
    if not prompts:
        return LearnedRouters(found, left_out)
    if why := _unread(reference, log):
        return LearnedRouters(found, left_out | dict.fromkeys(READ_PROMPTS, why))
    means, costs = tasks.quality[tasks.sort], tasks.cost_usd[tasks.sort]
    every = np.arange(len(log))
    for name, quality in _by_words(reference, log).items():
        found[name] = trade_off(Expectation(quality, costs, every), fixed)
        if name == RIDGE and TASK_MEAN in found:
            both = Expectation((quality + means) / 2, costs, every)
            found[TASK_RIDGE] = trade_off(both, fixed)
    if TASK_RIDGE not in found:
        left_out[TASK_RIDGE] = "no tasks"
    return LearnedRouters(found, left_out)


def _unread(reference: Log, log: Log) -> str:
    """Why words are not read; "" where they are."""
    if reference.texts is None or log.texts is None:
        return "no prompts"
    if len(log) > MOST_JUDGED:
        return f"more than {MOST_JUDGED:,} requests"
    if len(reference) < FEWEST:
        return f"fewer than {FEWEST} requests to learn from"
    return ""


def _by_words(reference: Log, log: Log) -> dict[str, Floats]:
    """(n, m) expected quality, by router."""
    from routelab.replay.baselines import tfidf  # which needs scipy

    learned = reference.take(evenly(len(reference), MOST_LEARNED))
    known, asked = tfidf.words(learned, log)
    return {
        RIDGE: tfidf.ridge(known, learned.quality, asked),
        NEIGHBORS: tfidf.nearest(known, learned.quality, asked),
    }


def _by_task(reference: Log, log: Log) -> Expectation:
    """Mean quality and cost of each model on each task of the reference, all of it last."""
    names, code, position = _tasks(reference, log)
    count = np.bincount(code, minlength=len(names))
    there, inverse = np.unique(position, return_inverse=True)

    def table(values: Floats) -> Floats:
        sums = [np.bincount(code, weights=column) / count for column in values.T]
        return np.vstack([np.column_stack(sums), values.mean(axis=0)])[there]

    return Expectation(table(reference.quality), table(reference.cost_usd), inverse)


def _tasks(reference: Log, log: Log) -> tuple[Ints | Floats, Ints, Ints]:
    """Names of tasks, the index of each row of the reference, and that of each request.

    That of a request of no such task is their number; without tasks all are of none.
    """
    if reference.requests.task is None or log.requests.task is None:
        return np.zeros(1), np.zeros(len(reference), np.intp), np.ones(len(log), np.intp)
    names, code = np.unique(reference.requests.task.astype(str), return_inverse=True)
    asked = log.requests.task.astype(str)
    position = np.searchsorted(names, asked)
    position[position == len(names)] = 0
    return names, code, np.where(names[position] == asked, position, len(names))
