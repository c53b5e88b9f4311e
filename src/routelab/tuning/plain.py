"""Cascades on a raw confidence signal: exact solvers, refined by a randomised search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.policies import Cascade, Fixed
from routelab.replay import Ground
from routelab.tuning import exact, grid
from routelab.tuning.front import Point, front, score
from routelab.tuning.options import Options
from routelab.tuning.search import Dials, Progress, Trial, search

STARTS = 40
"""Exactly tuned points that the randomised search begins with, at most."""


def cascades(
    tuning: Ground,
    dials: Dials,
    alone: Sequence[Point],
    best: Point,
    options: Options,
    progress: Progress | None,
) -> tuple[list[Point], list[Trial]]:
    """The front on tune, and the trials of the randomised search.

    Args:
        dials: thresholds worth trying; without any the front is that of single models.
        alone: each candidate by itself.
        best: of them.
    """
    if not dials:
        return front(alone), []
    solved = [
        Point(policy, score(tuning, policy))
        for signal in dict.fromkeys(signal for signal, _ in dials)
        for solver in (exact.cascades, grid.cascades)
        for policy in solver(
            tuning.log, signal, {name: dials[signal, name] for name in tuning.models}
        )
    ]
    trials = search(
        tuning.models,
        dials,
        lambda policy: score(tuning, policy),
        starts=_starts(front([*alone, *solved])),
        max_usd_per_1k=options.bounds.max_usd_per_1k,
        min_quality=options.bounds.floor(best.score.quality),
        trials=options.trials,
        seed=options.seed,
        storage=options.storage,
        name=options.name,
        progress=progress,
    )
    return front([*alone, *solved, *(Point(t.policy, t.score) for t in trials)]), trials


def _starts(points: Sequence[Point]) -> list[Cascade | Fixed]:
    """At most `STARTS` policies, evenly along the front."""
    picked = np.unique(np.linspace(0, len(points) - 1, STARTS).round().astype(int))
    policies = (points[index].policy for index in picked)
    return [policy for policy in policies if isinstance(policy, Cascade | Fixed)]
