"""A router that is closed while requests are under way sends nothing more, and blames nobody."""

from __future__ import annotations

import asyncio

import pytest
from faults_world import Misbehaving
from runtime_world import policy_file

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, RetryRules
from routelab.core.catalogue.engine_rules import BreakerRules
from routelab.errors import RouteError
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, RouterConfig

AT_ONCE = 50
RULES = EngineRules(
    retry=RetryRules(most=3, base_s=0.001, max_s=0.002), breaker=BreakerRules(min_calls=1)
)


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as endpoint:
        yield endpoint


def made(folder, url, transport):
    catalogue = Catalogue(
        {
            "first": Model(deployments=(Deployment(url, "m"),), fallbacks=("second",)),
            "second": Model(deployments=(Deployment(url, "n"),)),
        },
        RULES,
    )
    file = policy_file(folder, Fixed("first"), catalogue)
    return AsyncRouter(file, catalogue, RouterConfig(transport=transport, quiet=True))


async def streamed(router):
    async with router.stream("hi") as answer:
        async for _ in answer:
            pass


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("transport", [None, "aiohttp"])
def test_nothing_is_sent_after_closing(tmp_path, server, transport, stream):
    async def run():
        server.reset()
        router = made(tmp_path, server.url("blackhole"), transport)
        ask = streamed if stream else (lambda it: it.route("hi"))
        asking = [asyncio.ensure_future(ask(router)) for _ in range(AT_ONCE)]
        while server.asked["blackhole"] < AT_ONCE:
            await asyncio.sleep(0.01)
        await router.aclose()
        ends = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 20.0)
        assert all(isinstance(it, RouteError) for it in ends), ends
        assert not any("left alone" in str(it) for it in ends)
        assert all("closed" in str(it) or "no more of it" in str(it) for it in ends), ends[0]
        assert set(router.engine.states().values()) == {"closed"}
        assert all(not it.in_flight for pool in router.engine.pools.values() for it in pool.states)
        with pytest.raises(RouteError, match="the router is closed"):
            await ask(router)
        assert server.asked["blackhole"] == AT_ONCE

    asyncio.run(run())
