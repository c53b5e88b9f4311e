"""Routers that an engineer writes in an afternoon with scikit-learn, without routelab's help.

Each gives a model for every request to judge, along a trade-off of quality against cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from routelab.logs import Log

NEAREST = 20
BATCH = 1000


class Prediction(NamedTuple):
    """(n, m) expected quality and cost of every model on each request to judge."""

    quality: np.ndarray
    cost: np.ndarray


class Points(NamedTuple):
    """Mean cost and quality along a trade-off."""

    cost: list[float]
    quality: list[float]


def predictions(learn: Log, judge: Log) -> dict[str, Prediction]:
    """By router, what it expects; those that read prompts are left out where there are none.

    Args:
        learn: complete rows, candidates only.
        judge: of the same candidates.
    """
    task_quality = by_task(learn, judge, learn.quality)
    task_cost = by_task(learn, judge, learn.cost_usd)
    found = {"task mean": Prediction(task_quality, task_cost)}
    if learn.texts is None or judge.texts is None:
        return found
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=20_000)
    try:
        known = vectors.fit_transform(_prompts(learn))
    except ValueError:  # no word twice
        return found
    asked = vectors.transform(_prompts(judge))
    ridge = Ridge().fit(known, learn.quality).predict(asked).reshape(task_quality.shape)
    found["ridge"] = Prediction(ridge, task_cost)
    found["kNN"] = Prediction(_nearest(known, asked, learn.quality), task_cost)
    found["half ridge"] = Prediction((ridge + task_quality) / 2, task_cost)
    return found


def points(
    predicted: Mapping[str, Prediction], quality: np.ndarray, cost: np.ndarray
) -> dict[str, Points]:
    """By router, mean cost and quality along its trade-off, on (n, m) outcomes."""
    found = {}
    every = np.arange(len(quality))
    for name, (good, dear) in predicted.items():
        chosen = [np.argmax(good - price * dear, axis=1) for price in _prices(good, dear)]
        spent = [float(cost[every, it].mean()) for it in chosen]
        found[name] = Points(spent, [float(quality[every, it].mean()) for it in chosen])
    return found


def by_task(learn: Log, judge: Log, values: np.ndarray) -> np.ndarray:
    """(n, m) means on the request's task; overall ones where it is unknown or new."""
    overall = values.mean(axis=0)
    if learn.requests.task is None or judge.requests.task is None:
        return np.tile(overall, (len(judge), 1))
    tasks = learn.requests.task.astype(str)
    means = {task: values[tasks == task].mean(axis=0) for task in np.unique(tasks)}
    return np.array([means.get(str(task), overall) for task in judge.requests.task])


def _nearest(known, asked, quality: np.ndarray) -> np.ndarray:
    nearest = min(NEAREST, len(quality))
    return np.vstack([*_blocks(known, asked, quality, nearest)])


def _blocks(known, asked, quality, nearest) -> Iterator[np.ndarray]:
    for start in range(0, asked.shape[0], BATCH):
        alike = (asked[start : start + BATCH] @ known.T).toarray()
        rows = np.argpartition(-alike, nearest - 1, axis=1)[:, :nearest]
        yield quality[rows].mean(axis=1)


def _prices(quality: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Trade-offs from quality alone to cost alone."""
    scale = (np.ptp(quality) or 1.0) / (np.ptp(cost) or 1.0)
    return np.concatenate([[0.0], scale * np.geomspace(1e-3, 1e4, 80)])


def _prompts(log: Log) -> list[str]:
    assert log.texts is not None
    return log.texts.prompts(np.arange(len(log)))
