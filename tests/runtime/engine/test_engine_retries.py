"""What is tried again, when, where, and when no more."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest
from engine_world import Scripted, deployment_states, engine, idle, question, run, world
from msgspec.structs import replace

from routelab.core.catalogue.catalogue import Timeouts
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.runtime import UpstreamError
from routelab.runtime.engine.retry_budget import RetryBudget

ORDER = EngineRules(balancing="in_order")
NEVER_OPEN = BreakerRules(window_calls=10**6, min_calls=10**6)


def asked(catalogue, behaviours, timeouts=None, seed=0, **changes):
    """One question: what came of it, its attempts, the upstream and the time it took."""

    async def main(loop):
        upstream = Scripted(loop, **behaviours)
        attempts = []
        made = engine(loop, catalogue, upstream, seed, timeouts)
        result = await made.ask(question(**changes), attempts)
        assert idle(made)
        return result, attempts, upstream, loop.time()

    return run(main)


def first_fails(error):
    return lambda count, now: error if count == 0 else 200


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_a_status_that_may_pass_is_tried_again(status):
    result, attempts, *_ = asked(world("a"), {"a": first_fails(status)})
    assert result.last is attempts[1]
    assert [it.result.status for it in attempts] == [status, 200]


@pytest.mark.parametrize("kind", ["connect", "timeout", "cut"])
def test_a_broken_connection_is_tried_again(kind):
    result, attempts, *_ = asked(world("a"), {"a": first_fails(UpstreamError("broken", kind))})
    assert result.last is attempts[1]
    assert attempts[0].result.kind == kind


@pytest.mark.parametrize("status", [401, 403, 404, 405, 410])
def test_another_status_is_not_tried_again_there_but_elsewhere(status):
    result, _, upstream, _ = asked(world("a"), {"a": status})
    assert result.last is None
    assert upstream.names == ["a"]
    result, _, upstream, _ = asked(world("a", "b"), {"a": status, "b": 200})
    assert upstream.names == ["a", "b"]


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_that_is_at_fault_is_tried_nowhere_else(status):
    result, _, upstream, _ = asked(world("a", "b"), {"a": status, "b": 200})
    assert result.last is None
    assert upstream.names == ["a"]


def test_moving_on_is_immediate_and_no_retry():
    rules = replace(ORDER, retry=RetryRules(most=0, burst=0, share=0.0))
    catalogue = world("a", "b", "c", rules=rules)
    result, _, upstream, now = asked(catalogue, {"a": 500, "b": 429, "c": 200})
    assert result.last is not None
    assert upstream.names == ["a", "b", "c"]
    assert now == pytest.approx(0.3)


def test_all_deployments_come_before_a_retry_and_the_retries_are_counted():
    catalogue = world("a", "b", rules=replace(ORDER, retry=RetryRules(most=2, base_s=0.0)))
    result, _, upstream, _ = asked(catalogue, {"a": 500, "b": 404})
    assert upstream.names == ["a", "b", "a", "a"]
    assert result.last is None


@pytest.mark.parametrize("header", ["2.5", "Thu, 01 Jan 1970 00:00:03 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_exactly(header, status):
    """Seconds count from the reply at .1 s; the date is that of the clock."""
    busy = lambda count, now: (status, {"retry-after": header}) if count == 0 else 200  # noqa: E731
    result, _, upstream, _ = asked(world("a"), {"a": busy})
    assert result.last is not None
    due = 3.0 if "GMT" in header else 2.6
    assert upstream.times("a") == pytest.approx([0.0, due], abs=1e-9)


def test_others_leave_a_deployment_alone_that_asked_for_it():
    async def main(loop):
        busy = lambda count, now: (429, {"retry-after": "5"}) if now < 5 else 200  # noqa: E731
        upstream = Scripted(loop, a=busy, b=200)
        made = engine(loop, world("a", "b"), upstream)
        for _ in range(20):
            assert (await made.ask(question(), [])).last is not None
        await asyncio.sleep(10)
        assert (await made.ask(question(), [])).last.result.deployment.startswith("a")
        return upstream

    assert run(main).names == ["a", *["b"] * 20, "a"]


def test_no_retry_outlasts_the_deadline_and_the_error_says_when_to_come_back():
    result, _, upstream, now = asked(world("a"), {"a": (429, {"retry-after": "60"})}, deadline=2.0)
    assert result.last is None
    assert result.retry_after_s == pytest.approx(60.0)
    assert upstream.names == ["a"]
    assert now == pytest.approx(0.1)  # it is known by then, and another model may still answer
    assert result.reasons == ("no deployment of model 'm' will be free in time",)
    assert "a at http://upstream.test/v1: answered 429" in result.troubles[-1]


@pytest.mark.parametrize("limit", [0.05, 0.1, 0.37, 1.0, 2.2])
@pytest.mark.parametrize("told", [500, 429, (200, 9.0), (429, {"retry-after": "1"})])
def test_a_deadline_holds_whatever_is_under_way(limit, told):
    rules = replace(ORDER, breaker=NEVER_OPEN, retry=RetryRules(most=50, burst=50))
    result, *_, now = asked(world("a", rules=rules), {"a": told}, deadline=limit)
    assert result.last is None
    assert now <= limit + 1e-9


def test_a_deadline_cuts_an_attempt_and_does_not_blame_the_deployment():
    async def main(loop):
        upstream = Scripted(loop, a=(200, 5.0))
        made = engine(loop, world("a"), upstream)
        for _ in range(50):
            limit = loop.time() + 1.0
            assert (await made.ask(question(deadline=limit), [])).last is None
            assert loop.time() == pytest.approx(limit)
        return deployment_states(made)["a"].breaker.state(loop.time())

    assert run(main) == "closed"


def test_one_that_did_not_say_when_to_come_back_is_not_asked_again_at_once():
    rules = replace(ORDER, retry=RetryRules(base_s=4.0, max_s=4.0))
    waits = []
    for seed in range(20):
        behaviours = {"a": first_fails(500), "b": (503, {"retry-after": "30"})}
        _, _, upstream, _ = asked(world("a", "b", rules=rules), behaviours, seed=seed)
        assert upstream.names == ["a", "b", "a"]
        waits.append(upstream.times("a")[1])
    assert len(set(waits)) == 20
    assert max(waits) > 2.0


SOON = [
    *({"retry-after": it} for it in ("0", "0.001", "-1", "1600", "Thu, 01 Jan 1970 00:00:00 GMT")),
    *({"retry-after-ms": it} for it in ("0", "1")),
    {},
]


@pytest.mark.parametrize("headers", SOON)
@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_no_deployment_is_asked_again_at_once_whatever_it_says(status, headers):
    if headers.get("retry-after") == "1600":  # a time of day that is past
        headers = {"retry-after": "1600000000"}
    rules = replace(ORDER, breaker=NEVER_OPEN, retry=RetryRules(most=3))

    async def main(loop):
        upstream = Scripted(loop, a=(status, headers))
        made = engine(loop, world("a", rules=rules), upstream)
        made._wall_clock = lambda: 2e9
        await made.ask(question(), [])
        return upstream.times("a")

    at = run(main)
    assert len(at) == 4
    assert min(b - a - 0.1 for a, b in pairwise(at)) >= 0.1 - 1e-9


def test_pauses_are_drawn_from_a_floor_to_twice_the_last_bound():
    """Jitter over .1 s: the pause before retry k is uniform up to .5 * 2 ** (k - 1), at most 2."""
    rules = replace(ORDER, breaker=NEVER_OPEN, retry=RetryRules(most=4, max_s=2.0))
    pauses = []
    for seed in range(300):
        _, _, upstream, _ = asked(world("a", rules=rules), {"a": 500}, seed=seed)
        at = upstream.times("a")
        pauses.append([b - a - 0.1 for a, b in pairwise(at)])
    for k, bound in enumerate([0.5, 1.0, 2.0, 2.0]):
        taken = sorted(it[k] for it in pauses)
        assert taken[0] >= 0.1 - 1e-9
        assert taken[-1] <= bound + 1e-9
        share = [(value - 0.1) / (bound - 0.1) for value in taken]
        worst = max(abs(value - (i + 0.5) / 300) for i, value in enumerate(share))
        assert worst < 1.63 / 300**0.5  # Kolmogorov-Smirnov, 1 %


def test_a_retry_budget_grants_its_share_and_no_more():
    budget = RetryBudget(RetryRules(share=0.2, burst=10))
    granted = 0
    for n in range(1, 2001):
        budget.earn()
        granted += budget.spend()
        granted += budget.spend()
        assert granted <= 10 + 0.2 * n + 1e-6
    assert granted >= 0.2 * 2000


def test_a_storm_is_not_fed():
    """Everything fails for 500 calls at once: at most a fifth and the burst is sent again."""

    async def main(loop):
        upstream = Scripted(loop, a=500)
        made = engine(loop, world("a", rules=replace(ORDER, breaker=NEVER_OPEN)), upstream)
        results = await asyncio.gather(*(made.ask(question(), []) for _ in range(500)))
        assert any("retried too often" in " ".join(it.reasons) for it in results)
        assert idle(made)
        return len(upstream.seen)

    assert run(main) <= 500 + 10 + 0.2 * 500


@pytest.mark.parametrize("balancing", ["power_of_two", "round_robin", "least_busy", "in_order"])
@pytest.mark.parametrize("retry_after", [True, False])
def test_with_half_of_the_deployments_refusing_no_request_is_lost(balancing, retry_after):
    """2,000 requests over 20 s; 3 of 6 deployments refuse, the others grant 20 at once."""

    async def main(loop):
        refusal = (429, {"retry-after": "3"}) if retry_after else 429
        names = "abcdef"
        behaviours = {name: refusal if name in "bdf" else 200 for name in names}
        upstream = Scripted(loop, **behaviours)
        catalogue = world(*names, rules=EngineRules(balancing=balancing), max_concurrency=20)
        made = engine(loop, catalogue, upstream)
        rng = random.Random(1)

        async def one(at):
            await asyncio.sleep(at)
            return await made.ask(question(deadline=at + 10.0), [])

        results = await asyncio.gather(*(one(rng.uniform(0, 20)) for _ in range(2000)))
        assert idle(made)
        refused = sum(name in "bdf" for name in upstream.names)
        return sum(it.last is None for it in results), refused

    lost, refused = run(main)
    assert lost == 0
    assert refused < 200


def test_a_deployment_has_timeouts_of_its_own():
    catalogue = world(
        "a", timeouts=Timeouts(total_s=0.5), rules=replace(ORDER, retry=RetryRules(0))
    )
    *_, now = asked(catalogue, {"a": (200, 9.0)})
    assert now == 0.5
    *_, now = asked(world("a"), {"a": (200, 9.0)}, timeouts=Timeouts(total_s=20.0))
    assert now == 9.0
