"""Whatever a provider replies, a request ends in an answer or an error of the library."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import pytest
from random_replies_world import RandomReplies
from runtime_world import policy_file

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, RetryRules, Timeouts
from routelab.core.catalogue.engine_rules import BreakerRules
from routelab.errors import RouteError
from routelab.logs.decisions import open_journal
from routelab.policies import Cascade
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets
from routelab.runtime.metrics import prometheus_text

SOURCES = ("column:sure", "logprob_mean", "logprob_q:0.5", "margin", "agreement:2")
FIELDS = ({}, {"n": 2}, {"stream_options": {"include_usage": True}}, {"logprobs": True})
RULES = EngineRules(
    retry=RetryRules(most=1, base_s=0.001, max_s=0.002),
    breaker=BreakerRules(min_calls=10**6, window_calls=10**6),
    queue_s=1.0,
)
SECRETS = ("127.0.0.1", "secret-deployment", "open-sesame", "sk-1234")
AT_ONCE = 8


async def one(router, r, number):
    """What a request comes to; anything but an answer or a `RouteError` is raised."""
    fields, prompt = r.choice(FIELDS), f"request {number}"
    try:
        if r.random() < 0.5:
            return (await router.route(prompt, **fields)).answer
        async with router.stream(prompt, **fields) as answer:
            assert all([isinstance(piece.text, str) async for piece in answer])
        return (await answer.settled()).answer
    except RouteError as error:
        return error


async def many(file, config, n, seed):
    """The ends of so many requests, and the router's state after them."""
    r, gate = random.Random(seed), asyncio.Semaphore(AT_ONCE)
    async with AsyncRouter(file, file.document.catalogue, config) as router:

        async def bounded(number, draws):
            async with gate, asyncio.timeout(60.0):
                return await one(router, draws, number)

        asking = [bounded(k, random.Random(r.random())) for k in range(n)]
        ends = await asyncio.gather(*asking, return_exceptions=True)
        snapshot = await router.snapshot()
        pools = router.engine.pools.values()
        at_work = [state.in_flight for pool in pools for state in pool.states]
    return ends, snapshot, at_work


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize("n", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_request_ends_well_and_gives_back_what_it_held(tmp_path, transport, n):
    seed, ends = 7, Counter()
    for source in SOURCES:
        folder = tmp_path / source.replace(":", "-")
        folder.mkdir()
        with RandomReplies(f"{seed} {source}") as provider:
            limits = Timeouts(first_token_s=20.0, between_tokens_s=20.0, total_s=30.0)
            at = (Deployment(provider.url, "secret-deployment-7", timeouts=limits),)
            prices = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 10.0}
            models = {
                "first": Model(deployments=at, cost_reported=True, **prices),
                "last": Model(deployments=at, **prices),
            }
            policy = Cascade(("first", "last"), (0.5,), "sure")
            file = policy_file(folder, policy, Catalogue(models, RULES))
            config = RouterConfig(
                transport=transport,
                signals={"sure": source},
                budgets=Budgets(all=BudgetRule(1e9), unanswered="reserved"),
                log=folder / "log",
                quiet=True,
            )
            found, snapshot, at_work = asyncio.run(many(file, config, n, f"{seed} {source}"))
            until = time.monotonic() + 10.0
            while provider.open and time.monotonic() < until:
                time.sleep(0.01)
            assert provider.open == 0
        assert {type(it).__name__ for it in found} <= {"str", "RouteError"}
        told = [str(it) for it in found if isinstance(it, RouteError)]
        assert not [it for it in told for secret in SECRETS if secret in it]
        assert set(at_work) == {0}
        (budget,) = snapshot.budgets
        assert budget.reserved_usd == 0.0
        assert 0.0 <= budget.spent_usd < 1e9
        assert set(snapshot.statuses) <= {"answered", "failed", "shed"}
        assert len(list(open_journal(folder / "log").lines())) == n
        assert prometheus_text(snapshot)
        assert snapshot.to_json()
        ends.update(type(it).__name__ for it in found)
    assert ends["str"] > ends.total() / 4  # else nothing but refusals was tried
