"""What the caller of `router.stream` sees, over real HTTP."""

from __future__ import annotations

import asyncio
import threading
import time

import anyio
import httpx
import httpx_aiohttp
import pytest
from faults_world import CUT_AT, TOKENS, Misbehaving, limits
from runtime_world import catalogue, policy_file

from routelab.core.catalogue.catalogue import Deployment, Model
from routelab.core.protocol import Call, Deliver
from routelab.errors import NoModelError, PolicyError, RouteError
from routelab.logs.decisions import open_journal
from routelab.policies import Cascade, Fixed
from routelab.runtime import AsyncRouter, Router, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets

WHOLE = "".join(TOKENS)
PROMPT = "x" * 400
ONE = Fixed(model="one")
TWO = Cascade(models=("one", "two"), thresholds=(0.5,), signal="score")
PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1000.0}
SHORT = {
    "stall_before": limits("no first token"),
    "stall": limits("no token"),
}
"""Of behaviours that are waited for."""

BROKEN = ("cut", "reset", "clean_cut", "stall", "malformed", "error_event")
TRANSPORTS = ("httpx", "aiohttp")


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as running:
        yield running


@pytest.fixture
def world(server, tmp_path):
    """A policy directory whose models are deployed at these behaviours."""
    server.reset()

    def make(policy=ONE, **models):
        deployed = {
            name: Model(
                deployments=tuple(
                    Deployment(server.url(it), it, timeouts=SHORT.get(it)) for it in behaviours
                ),
                **PRICES,
            )
            for name, behaviours in models.items()
        }
        return policy_file(tmp_path, policy, catalogue(**deployed))

    return make


def cost(prompt, completion):
    return (prompt * 1.0 + completion * 1000.0) / 1e6


def streamed(chosen, *, transport="httpx", stop_after=None, **options):
    """The texts that came, and what the answer was in the end."""
    texts = []

    async def run():
        async with (
            AsyncRouter(
                chosen,
                chosen.document.catalogue,
                config=RouterConfig(transport=transport, **options),
            ) as router,
            router.stream(PROMPT) as answer,
        ):
            async for piece in answer:
                texts.append(piece.text)
                if len(texts) == stop_after:
                    return None
            return answer.routed

    return texts, asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_final_call_comes_in_pieces_and_adds_up_to_what_route_gives(world, transport):
    chosen = world(one=["good"])
    texts, found = streamed(chosen, transport=transport)
    assert [it for it in texts if it] == TOKENS
    with Router(chosen, chosen.document.catalogue) as router:
        whole = router.route(PROMPT)
    assert (found.answer, found.cost_usd, found.raw) == (whole.answer, whole.cost_usd, whole.raw)
    assert found.cost_usd == cost(100, len(TOKENS))


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", ["storm", "stall_before", "cut_before", "early_error_event"])
def test_before_the_first_token_another_deployment_takes_over_unseen(world, fault, transport):
    texts, found = streamed(world(one=[fault, "good"]), transport=transport)
    assert "".join(texts) == found.answer == WHOLE
    assert found.decision.answer.deployment.startswith("good at ")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "fault", ["cut", "reset", "clean_cut", "stall", "malformed", "error_event"]
)
def test_after_the_first_token_a_failure_is_an_error_and_never_an_end(
    world, server, fault, transport
):
    texts = []

    async def run():
        chosen = world(one=[fault, "good"])
        async with (
            AsyncRouter(
                chosen, chosen.document.catalogue, config=RouterConfig(transport=transport)
            ) as router,
            router.stream(PROMPT) as answer,
        ):
            texts.extend([piece.text async for piece in answer])

    with pytest.raises(RouteError, match="broke off after a part of it was delivered") as caught:
        asyncio.run(run())
    assert server.asked == {fault: 1}
    assert WHOLE.startswith("".join(texts))
    assert "".join(texts) != WHOLE
    billed = cost(server.prompt[fault], server.billed[fault])
    if fault in ("cut", "reset"):  # which may overtake what was sent before it
        assert cost(server.prompt[fault], 1) <= caught.value.cost_usd <= billed
    else:
        assert caught.value.cost_usd == billed


def test_a_cut_final_call_is_not_replaced_by_an_earlier_answer(world):
    chosen = world(TWO, one=["good"], two=["cut"])
    refused = {"score": lambda request, body: 0.0}
    with pytest.raises(RouteError, match=f"cut after {CUT_AT} pieces"):
        streamed(chosen, signals=refused)


def test_an_answer_that_has_to_be_judged_comes_at_once_when_it_is_accepted(world, server):
    accepted = {"score": lambda request, body: 1.0}
    texts, found = streamed(world(TWO, one=["good"], two=["good"]), signals=accepted)
    assert texts == [WHOLE]
    assert found.model == "one"
    refused = {"score": lambda request, body: 0.0}
    texts, found = streamed(world(TWO, one=["good"], two=["good"]), signals=refused)
    assert len(texts) > len(TOKENS)
    assert (found.model, "".join(texts)) == ("two", WHOLE)


def test_an_earlier_answer_is_delivered_if_the_final_call_never_began(world):
    refused = {"score": lambda request, body: 0.0}
    texts, found = streamed(world(TWO, one=["good"], two=["storm"]), signals=refused)
    assert (texts, found.model) == ([WHOLE], "one")


def test_errors_before_any_call_come_from_the_loop(world):
    chosen = world(one=["good"])

    async def run(**options):
        async with (
            AsyncRouter(chosen, chosen.document.catalogue) as router,
            router.stream(PROMPT, **options) as answer,
        ):
            async for _ in answer:
                raise AssertionError

    with pytest.raises(NoModelError):
        asyncio.run(run(max_cost_usd=0.0))
    with pytest.raises(RouteError, match="max_cost_usd=-1"):
        asyncio.run(run(max_cost_usd=-1))


def test_misuse_is_told(world):
    chosen = world(one=["slow"])

    async def run():
        async with AsyncRouter(chosen, chosen.document.catalogue) as router:
            with pytest.raises(RouteError, match="inside `async with"):
                await anext(router.stream(PROMPT))
            async with router.stream(PROMPT) as answer:
                with pytest.raises(RouteError, match="once its last piece was read"):
                    _ = answer.routed

    asyncio.run(run())


def test_a_final_call_that_is_overruled_is_a_fault_of_the_policy(world):
    class Overruling(Fixed, frozen=True, tag="overruling"):
        def route(self, x):
            first = yield Call("one")
            yield Call("one", final=True)
            return Deliver(first)

    chosen = world(one=["good"])

    async def run():
        async with AsyncRouter(chosen, chosen.document.catalogue) as router:
            router._handler.active.policy = Overruling(model="one")
            async with router.stream(PROMPT) as answer:
                async for _ in answer:
                    pass

    with pytest.raises(PolicyError, match="after a final call was streamed"):
        asyncio.run(run())


class Watching:
    """An observer that remembers."""

    def __init__(self):
        self.seen = []

    def finished(self, finished):
        self.seen.append(finished)


async def alone():
    """Wait until nothing else runs: httpx leaves its generators to the loop to close."""
    until = time.monotonic() + 20.0
    while len(asyncio.all_tasks()) > 1 and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return asyncio.all_tasks() == {asyncio.current_task()}


async def closed(server, within_s=20.0):
    """Wait until no connection is open."""
    until = time.monotonic() + within_s
    while server.open and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return server.open == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_caller_who_stops_closes_the_connection_and_what_came_is_paid(world, server, transport):
    watching = Watching()

    async def run():
        chosen = world(one=["endless"])
        config = RouterConfig(transport=transport, observers=[watching])
        async with AsyncRouter(chosen, chosen.document.catalogue, config) as router:
            texts = []
            async with router.stream(PROMPT) as answer:
                async for piece in answer:
                    texts += [piece.text] if piece.text else []
                    if len(texts) == 10:
                        break
            assert await closed(server)
            with pytest.raises(RouteError):
                _ = answer.routed

    asyncio.run(run())
    (finished,) = watching.seen
    assert finished.status == "cancelled"
    assert cost(100, 10) <= finished.cost_usd <= cost(100, server.billed["endless"])


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("how", ["task", "scope"])
@pytest.mark.parametrize("behaviour", ["endless", "blackhole", "stall", "slow_headers"])
def test_a_cancelled_caller_leaves_nothing_behind(world, server, transport, how, behaviour):
    watching = Watching()

    async def read(router):
        async with router.stream(PROMPT) as answer:
            async for _ in answer:
                pass

    async def run():
        chosen = world(one=[behaviour])
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=transport, observers=[watching]),
        ) as router:
            if how == "scope":
                with anyio.move_on_after(0.1):
                    await read(router)
            else:
                task = asyncio.create_task(read(router))
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await closed(server)
            assert await alone()

    asyncio.run(run())
    assert [it.status for it in watching.seen] == ["cancelled"]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("behaviour", ["blackhole", "slow_headers", "endless"])
def test_a_request_that_is_cancelled_closes_its_connection(world, server, transport, behaviour):
    async def run():
        chosen = world(one=[behaviour])
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=transport)
        ) as router:
            asked = [asyncio.create_task(router.route(PROMPT)) for _ in range(8)]
            await asyncio.sleep(0.1)
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            assert await closed(server)

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("stream", [False, True])
def test_cancelled_at_any_await_a_request_keeps_no_connection(world, server, transport, stream):
    """The client has one connection: if that were lost, nothing could be asked any more."""

    async def once(router):
        if not stream:
            return (await router.route(PROMPT)).answer
        async with router.stream(PROMPT) as answer:
            return "".join([piece.text async for piece in answer])

    async def run():
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        kinds = {"httpx": httpx.AsyncHTTPTransport, "aiohttp": httpx_aiohttp.AiohttpTransport}
        ended = []
        chosen, limited = world(one=["good"]), kinds[transport](limits=one)
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=limited, timeout_s=20.0),
        ) as router:
            for turns in range(90):
                asked = asyncio.create_task(once(router))
                for _ in range(turns):
                    await asyncio.sleep(0 if turns % 2 else 0.0002)
                asked.cancel()
                (found,) = await asyncio.gather(asked, return_exceptions=True)
                ended.append("answered" if found == WHOLE else type(found).__name__)
                if turns % 5 == 0:
                    assert await asyncio.wait_for(once(router), 20) == WHOLE
            assert server.open <= 1
        assert await closed(server)
        return set(ended)

    assert {"CancelledError"} <= asyncio.run(run()) <= {"CancelledError", "answered"}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_connections_are_kept_after_an_answer_and_never_after_a_fault(world, server, transport):
    async def run():
        faults = ["cut", "clean_cut", "stall", "malformed", "too_short_a_length", "storm"]
        chosen = world(one=["good"])
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=transport)
        ) as router:
            before = server.connections
            for _ in range(5):
                async with router.stream(PROMPT) as answer:
                    assert [piece async for piece in answer]
                assert (await router.route(PROMPT)).answer == WHOLE
            assert server.connections == before + 1
        chosen = world(one=["good"], two=faults)
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=transport)
        ) as router:
            for fault in faults:
                at = Deployment(server.url(fault), fault, timeouts=SHORT.get(fault))
                for stream in (False, True):
                    broken = await _break(router, at, stream)
                    assert broken
                    assert (await router.route(PROMPT)).answer == WHOLE
        assert await closed(server)

    asyncio.run(run())


async def _break(router, deployment, stream):
    """One attempt at a deployment through the router's own connections; true if it failed."""
    from test_faults_attempt import Collected

    from routelab.runtime.attempts.attempt import attempt

    found = await attempt(
        router._http,
        deployment,
        {"messages": [{"role": "user", "content": PROMPT}]},
        {},
        limits("no token" if stream else "no answer"),
        clock=time.perf_counter,
        wall_clock=time.time,
        sink=Collected() if stream else None,
    )
    return found.error is not None


def test_the_blocking_router_streams_too_and_from_many_threads(world, server):
    chosen = world(one=["good"])
    answers = []

    def read(router):
        with router.stream(PROMPT) as answer:
            text = "".join(piece.text for piece in answer)
        answers.append((text, answer.routed.cost_usd))

    with Router(chosen, chosen.document.catalogue) as router:
        threads = [threading.Thread(target=read, args=(router,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with router.stream(PROMPT) as answer:
            for piece in answer:
                if piece.text:
                    break
    assert answers == [(WHOLE, cost(100, len(TOKENS)))] * 8


@pytest.mark.parametrize("fault", ["clean_cut", "malformed", "error_event", "good"])
def test_error_record_metrics_and_budget_tell_of_the_same_money(world, tmp_path, fault):
    chosen, budgets = world(one=[fault, "good"]), Budgets(all=BudgetRule(1000.0))

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(log=tmp_path / "log", budgets=budgets),
        ) as router:
            try:
                async with router.stream(PROMPT) as answer:
                    async for _ in answer:
                        pass
                spent = answer.routed.cost_usd
            except RouteError as error:
                spent = error.cost_usd
            return spent, await router.snapshot()

    spent, snapshot = asyncio.run(run())
    (record,) = open_journal(tmp_path / "log").lines()
    (left,) = snapshot.budgets
    assert record.cost_usd == spent > 0
    assert snapshot.requests.cost_usd == left.spent_usd == pytest.approx(spent)
    assert left.reserved_usd == 0.0
    assert record.status == ("answered" if fault == "good" else "failed")
    assert record.steps[0].attempts[0].first_token_s > 0.0


def test_a_caller_who_stops_pays_from_the_budget_what_came(world, tmp_path):
    budgets = Budgets(all=BudgetRule(1000.0))

    async def run():
        chosen = world(one=["endless"])
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(log=tmp_path / "log", budgets=budgets),
        ) as router:
            async with router.stream(PROMPT) as answer:
                async for piece in answer:
                    if piece.text:
                        break
            return await router.snapshot()

    snapshot = asyncio.run(run())
    (record,) = open_journal(tmp_path / "log").lines()
    (left,) = snapshot.budgets
    assert record.status == "cancelled"
    assert left.spent_usd == pytest.approx(record.cost_usd)
    assert record.cost_usd >= cost(100, 1)
    assert left.reserved_usd == 0.0
