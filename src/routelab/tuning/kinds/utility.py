"""Utility: predicted quality of every model, against what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from routelab.policies import Utility
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits

QUALITY, COST = "quality", "cost"
PRICES = 80


def learn(fits: ScorerFits) -> None:
    """Have the quality and the cost of every model learned."""
    fits.fit(QUALITY, "quality")
    fits.fit(COST, "cost")


def propose(here: ProposalInputs) -> Iterator[Utility]:
    """A policy for every price, with mean and with predicted costs."""
    if not here.has(QUALITY):
        return
    costs = here.costs(here.models)
    for price in here.prices(PRICES).tolist():
        yield Utility(here.models, QUALITY, costs=costs, cost_weight=price)
        if price and here.has(COST):
            yield Utility(here.models, QUALITY, cost=COST, cost_weight=price)
