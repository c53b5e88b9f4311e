"""Limits of deployments, divided among processes so that together they keep to them."""

from __future__ import annotations

import asyncio
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serve_world import saved

from routelab.core.catalogue import Deployment, EngineRules, pointed_at
from routelab.errors import ConfigError
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, LimitShare, Reply, RouterConfig
from routelab.runtime.engine.deployment_state import DeploymentState


@given(limit=st.integers(1, 10_000), count=st.integers(1, 64))
def test_processes_together_have_what_the_catalogue_says(limit, count):
    parts = [LimitShare(number, count).calls(limit) for number in range(count)]
    assert sum(parts) == max(limit, count)
    assert max(parts) - min(parts) <= 1
    assert math.isclose(sum(LimitShare(n, count).rate(limit) for n in range(count)), limit)


def test_what_nobody_wrote_holds_for_each_process():
    share = LimitShare(1, 4)
    plain = Deployment("http://a/v1", "m")
    assert share.slots(plain, EngineRules()) == EngineRules().max_concurrency
    assert share.slots(plain, EngineRules(max_concurrency=8)) == 2
    assert share.host_calls(EngineRules()) == EngineRules().host_concurrency
    assert share.host_calls(EngineRules(host_concurrency=8)) == 2


def test_rates_are_divided():
    limited = Deployment("http://a/v1", "m", requests_per_minute=600.0, tokens_per_minute=6000.0)
    state = DeploymentState(limited, EngineRules(burst_s=6.0), share=LimitShare(0, 4))
    for _ in range(15):  # of the 60 that all processes together may send at once
        assert state.free_at(1.0, 0.0) == 0.0
        state.take(1.0, 0.0)
    assert state.free_at(1.0, 0.0) == pytest.approx(0.4)


class Crowded:
    """Counts the calls under way at once."""

    def __init__(self):
        self.now = self.most = 0

    async def send(self, outgoing):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.002)
        self.now -= 1
        message = {"role": "assistant", "content": "4"}
        return Reply(200, {"choices": [{"index": 0, "message": message}]})

    def hide(self, deployment, text):
        return text


def limited_to(calls):
    known = pointed_at("http://a/v1", ["m"])
    (one,) = known.models["m"].deployments
    one = msgspec.structs.replace(one, max_concurrency=calls)
    model = msgspec.structs.replace(known.models["m"], deployments=(one,))
    return msgspec.structs.replace(known, models={"m": model})


def test_routers_of_several_processes_never_ask_more_at_once_than_the_deployment_takes(tmp_path):
    known, crowd = limited_to(5), Crowded()
    policy = saved(tmp_path / "m.policy", Fixed("m"), known)

    async def work():
        routers = [
            AsyncRouter.load(
                policy,
                known,
                RouterConfig(upstream=crowd, limit_share=LimitShare(number, 2), quiet=True),
            )
            for number in range(2)
        ]
        await asyncio.gather(*(it.route("a") for it in routers for _ in range(20)))
        for it in routers:
            await it.aclose()

    asyncio.run(work())
    assert crowd.most == 5


def test_a_limit_that_cannot_be_divided_is_told():
    (said,) = LimitShare(0, 4).warnings(limited_to(2))
    assert "m at http://a/v1: max_concurrency = 2 cannot be divided among 4 processes" in said
    assert not list(LimitShare(0, 2).warnings(limited_to(2)))
    few = msgspec.structs.replace(limited_to(8), engine=EngineRules(max_concurrency=2))
    (said,) = LimitShare(0, 4).warnings(few)
    assert "engine: max_concurrency = 2 cannot be divided among 4 processes" in said
    with pytest.raises(ConfigError, match="less than processes"):
        RouterConfig(limit_share=LimitShare(2, 2))
    with pytest.raises(ConfigError, match="give a LimitShare"):
        RouterConfig(limit_share=0.5)
