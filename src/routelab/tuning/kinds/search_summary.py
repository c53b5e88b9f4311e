"""A summary of a randomised search: was it worth its time?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from routelab.metrics import hypervolume
from routelab.stats import evenly
from routelab.tuning.kinds.cascade_space import Trial
from routelab.tuning.objectives import FrontPoint, PolicyScore
from routelab.tuning.options import Options
from routelab.tuning.search import SearchResult

MARKS = 40
"""Points of the curve of hypervolume over trials, at most."""

FEWEST = 50
"""Trials below which the importance of parameters is not estimated."""


class FrontMark(msgspec.Struct, frozen=True):
    """The front's hypervolume after some trials.

    Attributes:
        trials: finished by then; 0 for what the exact solvers found.
        hypervolume: share that the front dominates of the box from quality 0, and the cost of
            the dearest candidate, to quality 1 for nothing.
    """

    trials: int
    hypervolume: float


class SearchSummary(msgspec.Struct, frozen=True):
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
    hypervolume: tuple[FrontMark, ...]
    importance: Mapping[str, float] | None
    processes: int = 1
    resumed: int = 0


def search_summary(
    searched: SearchResult,
    trials: Sequence[Trial],
    solved: Sequence[FrontPoint],
    alone: Sequence[FrontPoint],
    options: Options,
) -> SearchSummary:
    """How a search went that began with the front of what was solved."""
    dearest = max(point.score.usd_per_1k for point in alone)
    return SearchSummary(
        options.sampler,
        len(trials),
        sum(trial.feasible for trial in trials),
        tuple(_curve(solved, trials, dearest)),
        _importance(searched),
        options.processes,
        searched.resumed,
    )


def _curve(
    solved: Sequence[FrontPoint], trials: Sequence[Trial], dearest: float
) -> list[FrontMark]:
    found = [it.score for it in solved]
    marks = [FrontMark(0, _share(found, dearest))]
    ends = evenly(len(trials) + 1, MARKS + 1)
    for low, high in pairwise(ends.tolist()):
        found += [trial.score for trial in trials[low:high] if trial.feasible]
        marks.append(FrontMark(high, _share(found, dearest)))
    return marks


def _share(found: Sequence[PolicyScore], dearest: float) -> float:
    """Of the box from quality 0 and the dearest cost, what is dominated."""
    if dearest <= 0 or not found:
        return 0.0
    cost, quality = zip(*found, strict=True)
    return hypervolume(cost, quality, dearest, 0.0) / dearest


def _importance(searched: SearchResult) -> dict[str, float] | None:
    if len(searched.trials) < FEWEST:
        return None
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # scikit-learn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a parameter with one value is said to be one
        found = get_param_importances(searched.study, evaluator=PedAnovaImportanceEvaluator())
    return {name: round(value, 6) for name, value in found.items()}
