"""Task means: the model of greatest mean quality on the request's task, less its mean cost there.

Means of a task are drawn towards those of all requests where its rows are few. While a policy is
searched they are looked up in tables made without the row, so that no task flatters the model that
was lucky on it; what is exported names the model of each task, one line for all tasks of a model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import structs

from routelab.core import Floats, Policy
from routelab.learning import FittedScorers, Recipe
from routelab.policies import Conditional, Fixed, Match, Mixture, Rule, Utility
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits

QUALITY, COST = "task-quality", "task-cost"
PRICES = 80

MOST = 1000
"""Tasks that a policy names, at most; of more it looks its tables up."""

TABLE = Recipe(learners=("prior",), calibrator="none")


def learn(fits: ScorerFits) -> None:
    """Have tables of the quality and the cost of every model made, by task."""
    fits.fit(QUALITY, "quality", recipe=TABLE)
    fits.fit(COST, "cost", recipe=TABLE)


def propose(here: ProposalInputs) -> Iterator[Utility]:
    """A policy for every price."""
    if not here.has(QUALITY, COST):
        return
    for price in here.prices(PRICES).tolist():
        yield Utility(here.models, QUALITY, cost=COST, cost_weight=price)


def written_out(policy: Policy, fitted: FittedScorers) -> Policy:
    """A policy that names the model of each task, where one looks it up in these tables.

    Both decide alike for as long as every model may be asked.

    Args:
        policy: any; others than those of this kind, and mixtures of them, stay as they are.
        fitted: the tables.
    """
    if isinstance(policy, Mixture):
        first, second = (written_out(it, fitted) for it in policy.parts)
        return structs.replace(policy, first=first, second=second)
    if not isinstance(policy, Utility) or policy.quality != QUALITY:
        return policy
    keys = fitted.scorers[QUALITY].get("keys", ())
    worth = _table(fitted, QUALITY, policy.models)
    if policy.cost_weight:
        worth = worth - policy.cost_weight * _table(fitted, COST, policy.models)
    best = np.argmax(worth, axis=1).tolist()  # of equals the first listed, as the policy does
    of_model: dict[int, list[str]] = {}
    for key, at in zip(keys, best[:-1], strict=True):
        if at != best[-1]:
            of_model.setdefault(at, []).append(key)
    otherwise = Fixed(policy.models[best[-1]])
    if not of_model:
        return otherwise
    if sum(map(len, of_model.values())) > MOST:
        return policy
    rules = tuple(
        Rule(Match(task=tuple(names)), Fixed(policy.models[at]))
        for at, names in sorted(of_model.items())
    )
    return Conditional(rules, otherwise)


def _table(fitted: FittedScorers, name: str, models: tuple[str, ...]) -> Floats:
    spec = fitted.scorers[name]
    table: Floats = fitted.tensors[f"{spec['tensors']}.table"]
    return table[:, [list(spec["outputs"]).index(it) for it in models]]
