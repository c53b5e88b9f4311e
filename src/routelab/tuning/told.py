"""How a randomised search went, for those who want to know whether it was worth its time."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from routelab.tuning.front import Point
from routelab.tuning.options import Options
from routelab.tuning.processes import Searched
from routelab.tuning.score import Score
from routelab.tuning.search import Trial

MARKS = 40
"""Points of the curve of hypervolume over trials, at most."""

FEWEST = 50
"""Trials below which the importance of parameters is not told."""


class Mark(msgspec.Struct, frozen=True):
    """How far the front had come.

    Attributes:
        trials: finished by then; 0 for what the exact solvers found.
        hypervolume: share of the box that the front dominates; see `hypervolume`.
    """

    trials: int
    hypervolume: float


class Told(msgspec.Struct, frozen=True):
    """How a randomised search went.

    Attributes:
        sampler: of Optuna.
        trials: how many, and how many of them meet every bound.
        hypervolume: over the trials that meet every bound, the exactly solved front included.
        importance: of each parameter for reaching the front, summing to 1; None where too few
            trials tell. Source: PED-ANOVA, arXiv 2304.10255.
        processes: that shared the trials.
        resumed: trials that an earlier run had finished.
    """

    sampler: str
    trials: int
    feasible: int
    hypervolume: tuple[Mark, ...]
    importance: Mapping[str, float] | None
    processes: int = 1
    resumed: int = 0


def told(
    searched: Searched,
    trials: Sequence[Trial],
    solved: Sequence[Point],
    alone: Sequence[Point],
    options: Options,
) -> Told:
    """How a search went that began with the front of what was solved."""
    dearest = max(point.score.usd_per_1k for point in alone)
    worst = min(point.score.quality for point in alone)
    return Told(
        options.sampler,
        len(trials),
        sum(trial.feasible for trial in trials),
        tuple(_curve([it.score for it in solved], trials, Score(dearest, worst))),
        _importance(searched),
        options.processes,
        searched.resumed,
    )


def hypervolume(scores: Sequence[Score], worst: Score) -> float:
    """Share of the box from no cost to `worst.usd_per_1k`, and from `worst.quality` to 1, that
    is dominated: some score costs no more and is no worse.

    Source: Zitzler & Thiele 1998, "Multiobjective optimization using evolutionary algorithms".
    """
    width, height = worst.usd_per_1k, 1.0 - worst.quality
    if width <= 0 or height <= 0:
        return 0.0
    area, best = 0.0, worst.quality
    for cost, quality in sorted(scores, key=lambda it: (it.usd_per_1k, -it.quality)):
        if cost < width and quality > best:
            area += (width - cost) * (quality - best)
            best = quality
    return area / (width * height)


def _curve(solved: Sequence[Score], trials: Sequence[Trial], worst: Score) -> list[Mark]:
    found = list(solved)
    marks = [Mark(0, hypervolume(found, worst))]
    ends = np.unique(np.linspace(0, len(trials), MARKS + 1).round().astype(int))
    for low, high in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        found += [trial.score for trial in trials[low:high] if trial.feasible]
        marks.append(Mark(high, hypervolume(found, worst)))
    return marks


def _importance(searched: Searched) -> dict[str, float] | None:
    if len(searched.trials) < FEWEST:
        return None
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # scikit-learn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a parameter with one value is said to be one
        found = get_param_importances(searched.study, evaluator=PedAnovaImportanceEvaluator())
    return {name: round(value, 6) for name, value in found.items()}
