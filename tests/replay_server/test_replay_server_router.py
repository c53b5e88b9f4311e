"""Routing over HTTP to the replay server repeats the log's decisions and costs exactly."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from msgspec import structs
from runtime_world import logged, policy_file

from routelab import replay
from routelab.core.catalogue.catalogue import Catalogue
from routelab.errors import RouteError
from routelab.policies import Cascade, Fixed, Mixture
from routelab.replay_server import background, pointed_at
from routelab.runtime import AsyncRouter

N = 300

CASCADE = Cascade(models=("small", "middle", "large"), thresholds=(0.55, 0.4), signal="confidence")
POLICIES = [
    CASCADE,
    Mixture(first=CASCADE, second=Fixed(model="middle"), weight=0.3),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_every_decision_and_cost_is_the_replays(tmp_path, policy):
    log = with_failures(logged(N, seed=1))
    with background(log) as base_url, background(log) as second_url:
        world = both(pointed_at(base_url, log.models), pointed_at(second_url, log.models))
        chosen = policy_file(tmp_path, policy, world, dict(log.specs), seed=9)
        live = asyncio.run(route_all(chosen, log))
    expected = replay.run(policy, log, seed=9)
    assert (expected.answered >= 0).mean() > 0.9
    for row, routed in enumerate(live):
        if routed is None:
            assert expected.answered[row] == -1
            continue
        assert routed.model == log.models[expected.answered[row]]
        assert routed.cost_usd == expected.cost_usd[row]
        decision = replay.decide(policy, log, row, seed=9)
        assert routed.decision.models == decision.models
        assert routed.decision.choices == decision.choices
        assert routed.answer == f"{routed.model} on {row}"


def both(one, other):
    """Two deployments for every model."""
    return Catalogue(
        {
            name: structs.replace(
                model, deployments=model.deployments + other.model(name).deployments
            )
            for name, model in one.models.items()
        }
    )


def with_failures(log):
    """The log with one call in twenty failed: such a call has no signals."""
    log.error[:] = np.random.default_rng(2).random(log.error.shape) < 0.05
    for values in log.signals.values():
        values[log.error] = np.nan
    return log


async def route_all(chosen, log):
    async with AsyncRouter(chosen, chosen.document.catalogue) as router:
        routing = (
            router.route(prompt, id=str(key))
            for key, prompt in zip(log.requests.id, log.texts.prompts(np.arange(N)), strict=True)
        )
        results = await asyncio.gather(*routing, return_exceptions=True)
    unexpected = [r for r in results if isinstance(r, Exception) and not isinstance(r, RouteError)]
    assert unexpected == []
    return [None if isinstance(result, RouteError) else result for result in results]
