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
from routelab.runtime.engine.host import Host, host_of
from routelab.runtime.engine.limit_share import LimitShare
from routelab.runtime.engine.pool import Pool


def pools(
    catalogue: Catalogue,
    rules: EngineRules,
    clock: Callable[[], float],
    rng: random.Random,
    share: LimitShare,
) -> dict[str, Pool]:
    """A pool for each model; the same deployment of two models has one state.

    Args:
        catalogue: of the models.
        rules: of pools.
        clock: seconds of the event loop's time.
        rng: for balancing.
        share: of the deployments' limits.

    Raises:
        CatalogueError: rules or values out of range, or a model whose deployments take no
            calls.
    """
    problems = [f"engine: {problem}" for problem in engine_rule_problems(rules)]
    problems += [
        f"models.{name}: {problem}"
        for name, model in catalogue.models.items()
        for problem in value_problems(model)
    ]
    problems += [
        f"models.{name}: no deployment has a weight above 0, so none takes calls"
        for name, model in catalogue.models.items()
        if not any(deployment.weight > 0.0 for deployment in model.deployments)
    ]
    if problems:
        raise CatalogueError(*problems)
    states = _states(catalogue, rules, share)
    made = {}
    for name, model in catalogue.models.items():
        taking = [deployment for deployment in model.deployments if deployment.weight > 0.0]
        here = [states[it] for it in dict.fromkeys(taking)]
        made[name] = Pool(name, here, rules, clock, rng)
    return made


def _states(
    catalogue: Catalogue, rules: EngineRules, share: LimitShare
) -> dict[Deployment, DeploymentState]:
    """The states of all deployments that take calls, with the hosts that they share."""
    taking = dict.fromkeys(
        deployment
        for model in catalogue.models.values()
        for deployment in model.deployments
        if deployment.weight > 0.0
    )
    limits: dict[str, float] = {}
    for it in taking:
        known = limits.get(host_of(it), share.host_calls(rules))
        own = share.calls(it.max_concurrency) if it.max_concurrency else 0
        limits[host_of(it)] = max(known, own)
    hosts = {name: Host(limit) for name, limit in limits.items()}
    return {it: DeploymentState(it, rules, hosts[host_of(it)], share) for it in taking}
