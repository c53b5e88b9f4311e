"""Tiers: thresholds on the predicted complexity of a request."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from routelab.core.table import Floats
from routelab.policies.tiers import Tiers
from routelab.tuning.dial import dial
from routelab.tuning.kinds.setting import Setting
from routelab.tuning.kinds.teacher import Teacher

SCORER = "complexity"
LEVELS = {1: 60, 2: 14}
"""Places of each threshold that are tried, by the number of thresholds."""


def learn(teacher: Teacher) -> None:
    """Have complexity learned."""
    teacher.teach(SCORER, "complexity")


def propose(here: Setting) -> Iterator[Tiers]:
    """Two and three tiers over the frontier, with thresholds at even shares of requests."""
    if not here.has(SCORER):
        return
    scores = here.tune.known.scores[SCORER][:, 0]
    places = {count: _places(scores, levels) for count, levels in LEVELS.items()}
    for chain in here.chains():
        count = len(chain) - 1
        for thresholds in combinations(places[count], count):
            yield Tiers(SCORER, chain, thresholds)


def _places(scores: Floats, levels: int) -> list[float]:
    """Thresholds between observed scores, ascending, about evenly many requests apart."""
    between = dial(scores)
    if not between:
        return []
    shares = [(level + 0.5) / levels for level in range(levels)]
    return sorted({between.at(share) for share in shares})
