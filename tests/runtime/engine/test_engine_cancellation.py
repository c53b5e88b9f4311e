"""Cancelled at any moment, a request leaves nothing held."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from engine_world import Scripted, deployment_states, engine, idle, question, run, world

from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules
from routelab.runtime import UpstreamError

RULES = EngineRules(
    balancing="in_order", breaker=BreakerRules(min_calls=1, failure_rate=1.0, open_s=1.0, probes=1)
)
SCENES = {
    "one answer": {"a": 200},
    "a failure, then another deployment": {"a": 500, "b": 200},
    "a retry after a pause": {"a": UpstreamError("gone"), "b": 429},
    "a rest": {"a": (429, {"retry-after": "2"}), "b": (429, {"retry-after": "1"})},
    "a fallback": {"a": 404, "b": 401},
}


async def scene(loop, behaviours, cancel_at):
    """Six requests at once for two slots; the third is cancelled so many steps of the loop later.

    Returns whether it was cancelled before it was over.
    """
    upstream = Scripted(loop, **{"a": 200, "b": 200, **behaviours}, other=200)
    other = world("other", max_concurrency=1).model("m")
    catalogue = world(
        "a", "b", rules=RULES, max_concurrency=1, fallbacks=("n",), others={"n": other}
    )
    made = engine(loop, catalogue, upstream)
    attempts = [[] for _ in range(6)]
    tasks = [asyncio.ensure_future(made.ask(question(), mine)) for mine in attempts]
    for _ in range(cancel_at):
        await asyncio.sleep(0) if loop._ready else await asyncio.sleep(0.04)
    in_time = tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(30)
    assert idle(made), [(it.name, it.in_flight) for it in deployment_states(made).values()]
    assert not any(upstream.under_way.values())
    assert tasks[2].cancelled() == in_time
    assert sum(map(len, attempts)) == len(
        upstream.seen
    )  # every attempt is told of, cancelled ones too
    if not in_time:
        assert all(it.result().last is not None for it in tasks if not it.cancelled())
    assert (await made.ask(question(deadline=loop.time() + 60), [])).last is not None
    return in_time


@pytest.mark.parametrize("name", SCENES)
def test_cancelled_at_every_step_it_leaves_nothing_behind(name):
    for steps in range(400):
        if not run(partial(scene, behaviours=SCENES[name], cancel_at=steps)):
            break
    assert 3 < steps < 399


def test_a_probe_that_is_cancelled_lets_another_one_through():
    async def main(loop):
        upstream = Scripted(loop, a=lambda count, now: 500 if count == 0 else (200, 1.0))
        made = engine(loop, world("a", rules=RULES), upstream)
        await made.ask(question(deadline=0.2), [])
        await asyncio.sleep(2)
        probe = asyncio.ensure_future(made.ask(question(), []))
        await asyncio.sleep(0.5)
        assert deployment_states(made)["a"].breaker.on_trial == 1
        assert (await made.ask(question(), [])).last is None
        probe.cancel()
        await asyncio.sleep(0)
        assert deployment_states(made)["a"].breaker.on_trial == 0
        assert (await made.ask(question(), [])).last is not None

    run(main)


def test_a_fallback_answers_where_no_deployment_does_and_only_if_it_may():
    others = {"n": world("n").model("m"), "o": world("o").model("m")}
    catalogue = world("a", "b", fallbacks=("n", "o"), others=others)

    async def main(loop, able, **behaviours):
        upstream = Scripted(loop, **{"a": 404, "b": 404, "n": 404, "o": 200} | behaviours)
        made = engine(loop, catalogue, upstream)
        attempts = []
        return await made.ask(question(able=able), attempts), upstream.names, attempts

    result, names, attempts = run(lambda loop: main(loop, bool))
    assert names == ["a", "b", "n", "o"]
    assert result.last.model == "o"
    assert [it.model for it in attempts] == ["m", "m", "n", "o"]
    result, names, _ = run(lambda loop: main(loop, lambda name: name == "n"))
    assert names == ["a", "b", "n"]
    assert result.reasons[-1] == "fallback 'o' may not serve this, or has answered it"
    result, names, _ = run(lambda loop: main(loop, bool, a=400))
    assert names == ["a"]  # the request is at fault, whoever reads it


def test_a_fallback_answers_while_every_deployment_is_open():
    catalogue = world("a", rules=RULES, fallbacks=("n",), others={"n": world("n").model("m")})

    async def main(loop):
        upstream = Scripted(loop, a=500, n=200)
        made = engine(loop, catalogue, upstream)
        for _ in range(5):
            assert (await made.ask(question(), [])).last.model == "n"
        return upstream.names

    assert run(main) == ["a", *["n"] * 5]
