"""Neighbors: how well each model did on similar requests, against what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from routelab.learning import Recipe
from routelab.policies import Neighbors
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits

SCORER = "neighbors"
PRICES = 60


def learn(fits: ScorerFits) -> None:
    """Have requests kept to be neighbours."""
    fits.fit(SCORER, "quality", recipe=Recipe(learners=("neighbors",)))


def propose(here: ProposalInputs) -> Iterator[Neighbors]:
    """A policy for every price."""
    if not here.has(SCORER):
        return
    costs = here.costs(here.models)
    for price in here.prices(PRICES).tolist():
        yield Neighbors(here.models, SCORER, costs=costs, cost_weight=price)
