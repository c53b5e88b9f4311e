"""Pools for the models of a catalogue."""

from __future__ import annotations

import random
from collections.abc import Callable

from routelab.core.catalogue import (
    Catalogue,
    Deployment,
    EngineRules,
    engine_rule_problems,
    value_problems,
)
from routelab.errors import CatalogueError
from routelab.runtime.engine.deployment_state import DeploymentState
from routelab.runtime.engine.pool import Pool


def pools(
    catalogue: Catalogue, rules: EngineRules, clock: Callable[[], float], rng: random.Random
) -> dict[str, Pool]:
    """A pool for each model; the same deployment of two models has one state.

    Raises:
        CatalogueError: rules or values out of range, or a model whose deployments take no
            calls.
    """
    told = [f"engine: {problem}" for problem in engine_rule_problems(rules)]
    told += [
        f"models.{name}: {problem}"
        for name, model in catalogue.models.items()
        for problem in value_problems(model)
    ]
    told += [
        f"models.{name}: no deployment has a weight above 0, so none takes calls"
        for name, model in catalogue.models.items()
        if not any(deployment.weight > 0.0 for deployment in model.deployments)
    ]
    if told:
        raise CatalogueError(*told)
    states: dict[Deployment, DeploymentState] = {}
    made = {}
    for name, model in catalogue.models.items():
        taking = [deployment for deployment in model.deployments if deployment.weight > 0.0]
        here = [states.setdefault(it, DeploymentState(it, rules)) for it in dict.fromkeys(taking)]
        made[name] = Pool(name, here, rules, clock, rng)
    return made
