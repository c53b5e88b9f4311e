"""Tiers: thresholds on the predicted complexity of a request."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from routelab.core import Floats
from routelab.policies import Tiers
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits
from routelab.tuning.solvers import threshold_candidates

SCORER = "complexity"
LEVELS = {1: 60, 2: 14}
"""Places of each threshold that are tried, by the number of thresholds."""


def learn(fits: ScorerFits) -> None:
    """Have complexity learned."""
    fits.fit(SCORER, "complexity")


def propose(here: ProposalInputs) -> Iterator[Tiers]:
    """Two and three tiers over the frontier, with thresholds at even shares of requests."""
    if not here.has(SCORER):
        return
    scores = here.tune.cache.scores[SCORER][:, 0]
    places = {count: _places(scores, levels) for count, levels in LEVELS.items()}
    for chain in here.chains():
        count = len(chain) - 1
        for thresholds in combinations(places[count], count):
            yield Tiers(SCORER, chain, thresholds)


def _places(scores: Floats, levels: int) -> list[float]:
    """Thresholds between observed scores, ascending, about evenly many requests apart."""
    between = threshold_candidates(scores)
    if not between:
        return []
    shares = [(level + 0.5) / levels for level in range(levels)]
    return sorted({between.at(share) for share in shares})
