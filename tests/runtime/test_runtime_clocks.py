"""Clocks that step, stand still or leave the calendar change no budget and stop nothing."""

from __future__ import annotations

import asyncio
import calendar
import math
from contextlib import asynccontextmanager

import pytest
from runtime_world import policy_file

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, RetryRules
from routelab.core.catalogue.engine_rules import BreakerRules
from routelab.errors import BudgetError, RouteError
from routelab.logs.decisions import open_journal
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, DecisionLog, Reply, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets, MemoryStore, SqliteStore

FEBRUARY = float(calendar.timegm((2027, 2, 1, 0, 0, 0)))
GOOD = {
    "choices": [{"message": {"content": "x"}}],
    "usage": {"prompt_tokens": 0, "completion_tokens": 1000},
}
RULES = EngineRules(retry=RetryRules(most=0), breaker=BreakerRules(min_calls=1, open_s=30.0))


class Endpoint:
    """Answers at once, with what it is told to.

    Attributes:
        reply: to every request.
    """

    def __init__(self):
        self.reply = Reply(200, GOOD)

    async def send(self, outgoing):
        return self.reply

    @asynccontextmanager
    async def stream(self, outgoing):
        raise NotImplementedError
        yield

    def hide(self, deployment, text):
        return text


def router(folder, **config):
    at = (Deployment("http://upstream.test/v1", "m"),)
    prices = {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 10.0}
    catalogue = Catalogue({"m": Model(deployments=at, **prices)}, RULES)
    file = policy_file(folder, Fixed("m"), catalogue)
    return AsyncRouter(file, catalogue, RouterConfig(upstream=Endpoint(), quiet=True, **config))


async def asked(made, most):
    """USD that so many requests come to, as far as the budget lets them."""
    usd = 0.0
    try:
        for _ in range(most):
            usd += (await made.route("hi", max_tokens=1000)).cost_usd
    except BudgetError:
        pass
    return usd


@pytest.mark.parametrize("period", ["day", "month"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_clock_that_steps_back_fills_no_budget_again(tmp_path, kind, period):
    async def run():
        now = [FEBRUARY - 1.0]
        store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "b.sqlite")
        budgets = Budgets(all=BudgetRule(0.1, period=period))
        async with router(
            tmp_path, budgets=budgets, budget_store=store, wall_clock=lambda: now[0]
        ) as made:
            before = await asked(made, 50)
            now[0] += 2.0
            after = await asked(made, 1)
            now[0] -= 2.0
            before += await asked(made, 50)
            now[0] += 2.0
            after += await asked(made, 50)
        assert before == pytest.approx(0.1)
        assert after == pytest.approx(0.1)

    asyncio.run(run())


@pytest.mark.parametrize("moment_s", [math.nan, math.inf, -math.inf, -1e18, 1e18, 0.0, 2.6e11])
def test_moments_that_no_calendar_has_stop_nothing(tmp_path, moment_s):
    async def run():
        now = [FEBRUARY]
        log = DecisionLog(tmp_path / "log", wall_clock=lambda: now[0])
        budgets = Budgets(all=BudgetRule(1.0, period="month"), tenant=BudgetRule(1.0))
        async with router(
            tmp_path,
            budgets=budgets,
            budget_store=SqliteStore(tmp_path / "b.sqlite", wall_clock=lambda: now[0]),
            wall_clock=lambda: now[0],
            log=log,
        ) as made:
            assert await asked(made, 1) > 0.0
            now[0] = moment_s
            assert await asked(made, 1) > 0.0
            await made.snapshot()
            now[0] = FEBRUARY
            assert await asked(made, 1) > 0.0

    asyncio.run(run())
    assert len(list(open_journal(tmp_path / "log").lines())) == 3


def test_a_log_goes_on_under_a_clock_that_stands(tmp_path):
    async def run():
        log = DecisionLog(tmp_path / "log", max_bytes=1, wall_clock=lambda: FEBRUARY)
        async with router(tmp_path, log=log, wall_clock=lambda: FEBRUARY) as made:
            for _ in range(5):
                await made.route("hi")
                while log.status().queued:
                    await asyncio.sleep(0.01)
        assert log.status().dropped == 0

    asyncio.run(run())
    assert len(list((tmp_path / "log").glob("*.jsonl"))) == 5
    assert len(list(open_journal(tmp_path / "log").lines())) == 5


def test_breakers_recover_after_the_clock_went_back(tmp_path):
    async def run():
        now = [1e6]
        async with router(tmp_path, clock=lambda: now[0]) as made:
            endpoint = made.engine._upstream
            endpoint.reply = Reply(500, b"{}")
            with pytest.raises(RouteError):
                await made.route("hi")
            assert set(made.engine.states().values()) == {"open"}
            endpoint.reply = Reply(200, GOOD)
            now[0] -= 9e5
            with pytest.raises(RouteError, match="left alone"):
                await made.route("hi")
            now[0] += 31.0
            assert (await made.route("hi")).answer == "x"
            assert (await made.route("hi")).answer == "x"

    asyncio.run(run())
