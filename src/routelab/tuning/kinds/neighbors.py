"""Neighbors: how well each model did on similar requests, against what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from routelab.learning import Recipe
from routelab.policies.neighbors import Neighbors
from routelab.tuning.kinds.setting import Setting
from routelab.tuning.kinds.teacher import Teacher

SCORER = "neighbors"
PRICES = 60


def learn(teacher: Teacher) -> None:
    """Have requests kept to be neighbours."""
    teacher.teach(SCORER, "quality", recipe=Recipe(learners=("neighbors",), calibrator="none"))


def propose(here: Setting) -> Iterator[Neighbors]:
    """A policy for every price."""
    if not here.has(SCORER):
        return
    costs = here.costs(here.models)
    for price in here.prices(PRICES).tolist():
        yield Neighbors(here.models, SCORER, costs=costs, cost_weight=price)
