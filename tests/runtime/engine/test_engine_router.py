"""What a caller of the router sees of the engine: money, models, errors, deadlines."""

from __future__ import annotations

import asyncio
import dataclasses
import math

import anyio
import pytest
from engine_world import Scripted, answer, deployments, idle, run
from msgspec.structs import replace

from routelab.core.admission import CallEstimate
from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.core.protocol import Call, Deliver, Together
from routelab.core.signal_spec import SignalSpec
from routelab.errors import CatalogueError, ConfigError, RouteError
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import Document, write
from routelab.runtime import AsyncRouter, Reply, Router, RouterConfig
from routelab.runtime.attempts.usage.cost import response_cost

RULES = EngineRules(balancing="in_order", retry=RetryRules(most=1, base_s=0.0))
CHEAP = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
DEAR = {"input_usd_per_mtok": 10.0, "output_usd_per_mtok": 20.0}
CHEAP_USD, DEAR_USD = (100 * 1 + 20 * 2) / 1e6, (100 * 10 + 20 * 20) / 1e6


def catalogue(rules=RULES, **models):
    return Catalogue(models, rules)


def saved(folder, policy, models):
    document = Document(
        name="test",
        policy=to_wire(policy),
        candidates=policy.models_used,
        catalogue=models,
        signals={name: SignalSpec(multiplier=1.0) for name in policy.signals_used},
    )
    return write(folder / "test.policy", document, "# test\n")


def routed(policy_file, behaviours, *, options=None, **fields):
    """One request on a virtual clock: what came of it, the upstream, and when it was over."""

    async def main(loop):
        upstream = Scripted(loop, **behaviours)
        given = {"upstream": upstream, "clock": loop.time, "wall_clock": loop.time}
        router = AsyncRouter(
            policy_file,
            policy_file.document.catalogue,
            config=RouterConfig(sleep=asyncio.sleep, **given | (options or {})),
        )
        try:
            result = await router.route("hi, and how are you today?", **fields)
        except RouteError as error:
            result = error
        assert idle(router.engine)
        return result, upstream, loop.time()

    return run(main)


def fallen_back(**facts):
    return catalogue(
        first=Model(deployments=deployments("a", "b"), fallbacks=("second",), **CHEAP),
        second=Model(deployments=deployments("c"), **{**DEAR, **facts}),
    )


def test_a_fallback_is_priced_and_reported_as_the_model_that_answered(tmp_path):
    file = saved(tmp_path, Fixed("first"), fallen_back())
    result, upstream, _ = routed(file, {"a": 404, "b": 401, "c": 200})
    assert (result.answer, result.model, result.cost_usd) == ("c", "second", DEAR_USD)
    assert upstream.names == ["a", "b", "c"]
    (step,) = result.decision.steps
    assert (step.call.model, step.feedback.model) == ("first", "second")
    assert [(it.model, it.status, it.cost_usd == it.cost_usd) for it in step.feedback.attempts] == [
        ("first", 404, False),
        ("first", 401, False),
        ("second", 200, True),
    ]


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"capabilities": ("json",)}, {"needs": ("tools",)}),
        ({"context_window": 3}, {}),
        ({}, {"max_cost_usd": 1e-9}),
    ],
)
def test_a_fallback_that_may_not_serve_the_request_is_not_asked(tmp_path, facts, wanted):
    models = fallen_back(**facts)
    document = Document(
        name="test",
        policy=to_wire(Fixed("first")),
        candidates=("first",),
        catalogue=models,
        estimates={"first": CallEstimate(cost_usd=0.0), "second": CallEstimate(cost_usd=1.0)},
    )
    file = write(tmp_path / "test.policy", document, "# test\n")
    prompt = {"a": 404, "b": 404, "c": 200}
    result, upstream, _ = routed(file, prompt, **wanted)
    assert upstream.names == ["a", "b"]
    assert "fallback 'second' may not serve this, or has answered it" in str(result)


def test_a_fallback_that_has_answered_already_is_not_paid_again(tmp_path):
    models = catalogue(
        first=Model(deployments=deployments("a"), **CHEAP),
        last=Model(deployments=deployments("c"), fallbacks=("first",), **DEAR),
    )
    cascade = Cascade(models=("first", "last"), thresholds=(0.9,), signal="sure")
    options = {"signals": {"sure": lambda request, body: 0.1}}
    result, upstream, _ = routed(
        saved(tmp_path, cascade, models), {"a": 200, "c": 404}, options=options
    )
    assert upstream.names == ["a", "c"]
    assert (result.model, result.answer, result.cost_usd) == ("first", "a", CHEAP_USD)
    assert "fallback 'first' may not serve this, or has answered it" in str(result.decision.steps)


def test_a_fallback_without_a_deployment_is_noticed_at_once(tmp_path):
    lonely = catalogue(first=Model(deployments=deployments("a"), fallbacks=("second",)))
    file = saved(tmp_path, Fixed("first"), lonely)
    with pytest.raises(CatalogueError, match="no address is known for second"):
        AsyncRouter(file, file.document.catalogue)


def test_money_of_failed_attempts_is_counted_where_it_is_known(tmp_path):
    class Billing(Scripted):
        async def send(self, outgoing):
            reply = await super().send(outgoing)
            if reply.status == 500:
                return Reply(500, {"error": {"message": "late"}, "usage": answer()["usage"]})
            return reply

    file = saved(tmp_path, Fixed("first"), fallen_back())

    async def main(loop):
        upstream = Billing(loop, a=500, b=404, c=200)
        options = {"upstream": upstream, "clock": loop.time, "wall_clock": loop.time}
        return await AsyncRouter(
            file, file.document.catalogue, config=RouterConfig(**options)
        ).route("hi")

    result = run(main)
    costs = [it.cost_usd for it in result.decision.answer.attempts]
    assert costs[0] == costs[2] == CHEAP_USD
    assert result.cost_usd == CHEAP_USD + CHEAP_USD + DEAR_USD


def test_the_error_carries_when_to_come_back_over_all_models(tmp_path):
    rules = replace(RULES, breaker=BreakerRules(min_calls=1, open_s=7.0), retry=RetryRules(most=0))
    models = catalogue(
        rules,
        first=Model(deployments=deployments("a"), **CHEAP),
        last=Model(deployments=deployments("b"), **DEAR),
    )
    file = saved(tmp_path, Cascade(("first", "last"), (0.5,), "score"), models)
    error, _, now = routed(file, {"a": 500, "b": 500})
    assert error.retry_after_s == pytest.approx(7.0)
    assert now == pytest.approx(0.2)
    assert "a at http://upstream.test/v1: answered 500" in error.detail
    assert "upstream.test" not in str(error)


@pytest.mark.parametrize("told", [(200, 9.0), 500, (429, {"retry-after": "30"})])
def test_a_request_is_over_at_its_deadline(tmp_path, told):
    models = catalogue(first=Model(deployments=deployments("a"), **CHEAP))
    document = Document(
        name="test",
        policy=to_wire(Fixed("first")),
        candidates=("first",),
        catalogue=replace(models, engine=EngineRules(retry=RetryRules(most=99, burst=99))),
        estimates={"first": CallEstimate(latency_s=0.5)},
    )
    file = write(tmp_path / "test.policy", document, "# test\n")
    error, _, now = routed(file, {"a": told}, deadline_s=1.5)
    assert isinstance(error, RouteError)
    assert now <= 1.5 + 1e-9


class Race(Fixed, frozen=True, tag="engine-race"):
    """Asks two models at once and takes the first."""

    def route(self, x):
        seen = yield Together((Call("first"), Call("second")), "first")
        return Deliver(next(one for one in seen if one.error is None))

    @property
    def models_used(self):
        return ("first", "second")


class Billing(Scripted):
    """Refusals cost something; a call that is cancelled takes a while to end."""

    async def send(self, outgoing):
        try:
            reply = await super().send(outgoing)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.2)
            raise
        billed = {"error": {"message": "no"}, "usage": answer()["usage"]}
        return Reply(404, billed) if reply.status == 404 else reply


def test_tokens_of_a_failed_try_that_have_no_price_leave_the_cost_unknown(tmp_path):
    models = catalogue(
        first=Model(deployments=deployments("a"), fallbacks=("second",)),
        second=Model(deployments=deployments("c"), **DEAR),
    )

    async def main(loop):
        upstream = Billing(loop, a=404, c=200)
        options = {"upstream": upstream, "clock": loop.time, "wall_clock": loop.time}
        return await AsyncRouter(
            saved(tmp_path, Fixed("first"), models), models, config=RouterConfig(**options)
        ).route("hi")

    result = run(main)
    refused, answered = result.decision.answer.attempts
    assert refused.completion_tokens == 20.0
    assert math.isnan(refused.cost_usd)
    assert answered.cost_usd == DEAR_USD
    assert math.isnan(result.cost_usd)


class Finishes:
    """Remembers what became of requests."""

    def __init__(self):
        self.records = []

    def finished(self, finished):
        self.records.append(finished)


def race(tmp_path, use, **behaviours):
    """What a use of a router gives that asks two models at once."""
    file = saved(tmp_path, Fixed("first"), fallen_back())

    raced = dataclasses.replace(file, policy=Race(model=""), golden=())

    async def main(loop):
        upstream = Billing(loop, **behaviours)
        options = {"upstream": upstream, "clock": loop.time, "wall_clock": loop.time}
        heard = Finishes()
        router = AsyncRouter(
            raced, raced.document.catalogue, config=RouterConfig(observers=[heard], **options)
        )
        result = await use(router)
        assert idle(router.engine)
        (record,) = heard.records
        return result, record, loop.time()

    return run(main)


def test_what_a_loser_had_spent_is_counted(tmp_path):
    result, record, now = race(
        tmp_path, lambda router: router.route("hi"), a=404, b=(200, 9.0), c=(200, 0.3)
    )
    loser, winner = (step.feedback for step in result.decision.steps)
    assert (winner.model, loser.error, now) == ("second", "cancelled", pytest.approx(0.5))
    assert [it.error is None for it in loser.attempts] == [False, False]
    assert (loser.cost_usd, result.cost_usd) == (CHEAP_USD, CHEAP_USD + DEAR_USD)
    assert record.cost_usd == result.cost_usd


async def abandoned(router):
    """By a scope of anyio, as web frameworks do it: it cancels again and again."""
    with anyio.move_on_after(0.2):
        await router.route("hi")


async def gone(router):
    """In the middle of stopping the call that lost."""
    asking = asyncio.ensure_future(router.route("hi"))
    await asyncio.sleep(0.4)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(("use", "usd"), [(abandoned, CHEAP_USD), (gone, CHEAP_USD + DEAR_USD)])
def test_what_was_spent_before_the_caller_left_is_recorded(tmp_path, use, usd):
    _, record, _ = race(tmp_path, use, a=404, b=(200, 9.0), c=(200, 0.3))
    assert record.cost_usd == usd
    assert len(record.steps) == 2


DETAILED = Model(
    cached_input_usd_per_mtok=0.25,
    reasoning_usd_per_mtok=4.0,
    usd_per_request=0.5,
    **CHEAP,
)


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({}, (100 + 40) / 1e6),
        ({"prompt_tokens_details": {"cached_tokens": 60}}, (40 + 60 * 0.25 + 40) / 1e6),
        ({"prompt_tokens_details": {"cached_tokens": 999}}, (100 + 999 * 0.25 + 40) / 1e6),
        ({"completion_tokens_details": {"reasoning_tokens": 5}}, (100 + 15 * 2 + 5 * 4) / 1e6),
        (
            {"completion_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 120},
            (100 + 15 * 2 + 5 * 4) / 1e6,
        ),
        (  # an endpoint that counts reasoning beside the completion says so in the total
            {"completion_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 125},
            (100 + 20 * 2 + 5 * 4) / 1e6,
        ),
        ({"prompt_tokens_details": None, "completion_tokens_details": "?"}, (100 + 40) / 1e6),
    ],
)
def test_every_token_is_charged_once_at_its_own_price(usage, usd):
    body = answer(**usage)
    assert response_cost(DETAILED, body, 1.0).usd == pytest.approx(usd + 0.5, rel=1e-12)
    assert response_cost(DETAILED, body, 3.0).usd == pytest.approx(3 * (usd + 0.5), rel=1e-12)


def test_the_blocking_router_has_the_same_options(tmp_path):
    file = saved(tmp_path, Fixed("first"), fallen_back())
    with pytest.raises(ConfigError, match="no balancing 'fair'"):
        Router(
            file, file.document.catalogue, config=RouterConfig(rules=EngineRules(balancing="fair"))
        )
