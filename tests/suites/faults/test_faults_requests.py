"""What the documentation says of requests that fail is what their callers and the log see."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from faults_world import Misbehaving
from msgspec.structs import replace
from runtime_world import Endpoint, catalogue, model, policy_file

from routelab.core.admission import CallEstimate
from routelab.core.catalogue.catalogue import Deployment
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.errors import RouteError
from routelab.gates import Function, Json
from routelab.logs.decisions import open_journal
from routelab.policies import Fixed, Gated
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets, SqliteStore

PAGE = Path(__file__).parents[3] / "docs" / "runtime.md"
ONCE = RetryRules(most=0)
PUBLIC = ("routelab.errors", "asyncio.exceptions")


def table():
    """Cells of the table of failed requests, by the first of each row."""
    lines = iter(PAGE.read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.startswith("| what goes wrong | raises |"))
    next(lines)
    found = {}
    for line in lines:
        if not line.startswith("|"):
            return found
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found[first] = cells
    raise AssertionError("the table has no end")


TABLE = table()


class World:
    """A router over one model, made wrong in one way, and the error of its last request."""

    def __init__(self, folder, behaviour="plain", policy=None, rules=None, **facts):
        self.folder = folder
        self.rules = rules or EngineRules(retry=ONCE)
        self.policy = policy or Fixed("only")
        self.only = model(behaviour, **facts)
        self.options = {"transport": Endpoint().transport}
        self.estimates = {"only": CallEstimate(latency_s=0.01)}

    def of(self, **options):
        self.options |= options
        return self

    def ask(self, *, before=0, busy=False, stream=False, leave_s=None, **fields):
        """Ask once, after so many requests, or while another one is under way."""

        async def once(router):
            if not stream:
                return await router.route("hello", **fields)
            async with router.stream("hello", **fields) as answer:
                return [piece async for piece in answer]

        async def run():
            world = catalogue(only=self.only)
            chosen = policy_file(self.folder, self.policy, world, estimates=self.estimates)
            async with AsyncRouter(
                chosen,
                chosen.document.catalogue,
                config=RouterConfig(rules=self.rules, log=self.folder / "log", **self.options),
            ) as router:
                for _ in range(before):
                    await asyncio.gather(once(router), return_exceptions=True)
                other = [asyncio.create_task(once(router))] if busy else []
                await asyncio.sleep(0.05 if busy else 0)
                asked = asyncio.create_task(once(router))
                if leave_s is not None:
                    await asyncio.sleep(leave_s)
                    asked.cancel()
                (found,) = await asyncio.gather(asked, return_exceptions=True)
                for it in other:
                    it.cancel()
                await asyncio.gather(*other, return_exceptions=True)
            return found

        return asyncio.run(run())


def raises(_request, text):
    raise LookupError(f"nothing about {text}")


def hangs(_request, _text):
    time.sleep(0.3)


def gated(folder, gate, **functions):
    world = World(folder, policy=Gated(Fixed("only"), (gate,)))
    return world.of(gate_functions=functions) if functions else world


def unkept(folder):
    (folder / "b.sqlite").mkdir()
    return World(folder).of(budgets=daily(1.0), budget_store=SqliteStore(folder / "b.sqlite"))


def daily(limit_usd):
    return Budgets(all=BudgetRule(limit_usd))


def keyless(folder):
    world = World(folder)
    at = Deployment("http://upstream.test/plain/v1", "m", api_key_env="NO_SUCH_KEY")
    world.only = replace(world.only, deployments=(at,))
    return world


def estimated(folder, **known):
    world = World(folder)
    world.estimates = {"only": CallEstimate(**known)}
    return world


def one_at_a_time(folder, **rules):
    world = World(folder, "asleep", rules=EngineRules(retry=ONCE, **rules))
    (at,) = world.only.deployments
    world.only = replace(world.only, deployments=(replace(at, max_concurrency=1),))
    return world


def broken_off(folder):
    """Over real HTTP, as pieces only come there."""
    with Misbehaving() as server:
        world = World(folder).of(transport="httpx")
        at = Deployment(server.url("clean_cut"), "m")
        world.only = replace(world.only, deployments=(at,))
        return world.ask(stream=True)


OPEN = EngineRules(retry=ONCE, breaker=BreakerRules(min_calls=1))
WAYS = {
    "no deployment of any model answers": lambda it: World(it, "broken").ask(),
    "every deployment asked to be left alone, or is by its breaker": (
        lambda it: World(it, "broken", rules=OPEN).ask(before=1)
    ),
    "none becomes free in `queue_s` or before the deadline": (
        lambda it: one_at_a_time(it, queue_s=0.1).ask(busy=True)
    ),
    "`queue` calls wait already": lambda it: one_at_a_time(it, queue=0).ask(busy=True),
    "the deadline comes while a call is under way": (
        lambda it: World(it, "asleep").ask(deadline_s=0.1)
    ),
    "the deadline is sooner than any answer is predicted to be": (
        lambda it: estimated(it, latency_s=2.0).ask(deadline_s=0.1)
    ),
    "the answer is predicted to cost more than `max_cost_usd`": (
        lambda it: estimated(it, cost_usd=2.0).ask(max_cost_usd=0.1)
    ),
    "no model has what `needs` names": (
        lambda it: World(it, capabilities=("json",)).ask(needs=("tools",))
    ),
    "the prompt is longer than every context window": (
        lambda it: World(it, context_window=1).ask()
    ),
    "a budget has no room for the first call": (lambda it: World(it).of(budgets=daily(1e-6)).ask()),
    "the file of the budgets cannot be written": lambda it: unkept(it).ask(),
    "no key is set": lambda it: keyless(it).ask(),
    "gates refuse every answer": lambda it: gated(it, Json()).ask(),
    "a gate's function raises": lambda it: gated(it, Function("house"), house=raises).ask(),
    "a gate's function hangs": (
        lambda it: gated(it, Function("house", timeout_s=0.05), house=hangs).ask()
    ),
    "a stream breaks off after its first piece": broken_off,
    "the caller is cancelled": lambda it: World(it, "asleep").ask(leave_s=0.1),
    "the request makes no sense": lambda it: World(it).ask(max_cost_usd=-1),
}


def test_every_row_is_tried():
    assert set(TABLE) == set(WAYS)


@pytest.mark.parametrize("row", WAYS)
def test_a_failed_request_is_as_the_page_says(tmp_path, row):
    raised, says, comes_back, kept = (cell.strip("`") for cell in TABLE[row])
    error = WAYS[row](tmp_path)
    public = (it for it in type(error).__mro__ if it.__module__ in PUBLIC)
    assert next(public).__name__ == raised
    assert says in (error.detail if isinstance(error, RouteError) else str(error))
    assert (getattr(error, "retry_after_s", None) is not None) is (comes_back == "yes")
    if not kept:
        assert not (tmp_path / "log").exists()
        return
    told = error.detail if isinstance(error, RouteError) else "cancelled"
    records = [it for it in open_journal(tmp_path / "log").lines() if hasattr(it, "status")]
    assert [it.status for it in records if it.error == told] == [kept]
