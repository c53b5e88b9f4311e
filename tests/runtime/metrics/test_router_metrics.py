"""Operations metrics: right to one percent, in bounded memory, whatever comes."""

from __future__ import annotations

import asyncio
import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_world import PRICES, Endpoint, catalogue, model, policy_file

from routelab.core.catalogue.catalogue import Deployment, Model
from routelab.core.catalogue.engine_rules import EngineRules
from routelab.core.decision import Step
from routelab.core.protocol import Attempt, Call, Feedback
from routelab.core.request import Request
from routelab.errors import RouteError
from routelab.policies import Cascade, Fixed
from routelab.runtime import AsyncRouter, Router, RouterConfig
from routelab.runtime.budgets import Alert
from routelab.runtime.finished_request import FinishedRequest
from routelab.runtime.metrics import Histogram, RouterMetrics, prometheus_text

WITHIN = 0.0101
VALUES = st.lists(
    st.one_of(st.floats(1e-6, 1e6), st.floats(0.0, 10.0), st.just(0.0)), min_size=1, max_size=200
)


def filled(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(VALUES, st.floats(0.0, 1.0))
@settings(deadline=None)
def test_a_quantile_is_within_one_percent_of_the_value_that_sorting_finds(values, q):
    exact = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
    found = filled(values).quantile(q)
    assert found == pytest.approx(exact, rel=WITHIN, abs=2e-9)
    assert min(values) <= found + 1e-9
    assert found <= max(values) + 1e-9


@pytest.mark.parametrize("name", ["lognormal", "exponential", "pareto"])
def test_usual_latencies_have_the_quantiles_that_numpy_finds(name):
    rng = np.random.default_rng(7)
    values = getattr(rng, name)(*((1.5,) if name == "pareto" else ()), size=20_000)
    histogram = filled(values)
    for q in (0.5, 0.95, 0.99):
        exact = np.quantile(values, q, method="inverted_cdf")
        assert histogram.quantile(q) == pytest.approx(exact, rel=WITHIN)
    assert len(histogram.distribution().buckets) < 1000


@given(st.lists(VALUES, min_size=2, max_size=4))
@settings(deadline=None)
def test_merging_is_as_if_one_histogram_had_seen_everything_in_any_order(parts):
    whole = filled([value for part in parts for value in part])
    for order in (parts, parts[::-1]):
        merged = Histogram()
        for part in order:
            merged.merge(filled(part))
        assert merged.distribution() == whole.distribution()


def test_values_that_cannot_be_do_no_harm():
    histogram = filled([math.nan, math.inf, -1.0, 1e300, 5e-324, 0.0])
    found = histogram.distribution()
    assert found.count == 5
    assert len(found.buckets) == 2
    assert (found.min, found.max) == (0.0, 1e9)
    assert math.isnan(Histogram().quantile(0.5))


def test_buckets_are_bounded_whatever_comes():
    rng = np.random.default_rng(1)
    histogram = filled(10.0 ** rng.uniform(-300, 300, 50_000))
    assert len(histogram.distribution().buckets) < 2100


def request(number, *, tenant="", steps=(), cost=0.001, latency=1.0, status="answered"):
    answer = steps[-1].feedback if steps and status == "answered" else None
    return FinishedRequest(
        request=Request(f"r{number}", tenant=tenant),
        policy="p",
        status=status,
        timestamp_s=1.0,
        latency_s=latency,
        cost_usd=cost,
        steps=tuple(steps),
        answer=answer,
    )


def step(model, *, turn=0, cost=0.001, latency=0.5, error=None, attempts=()):
    feedback = Feedback(
        model, cost_usd=cost, latency_s=latency, error=error, attempts=tuple(attempts)
    )
    return Step(Call(model), feedback, turn=turn)


def tried(deployment, model="small", **fields):
    made = {"latency_s": 0.4, "cost_usd": 0.001, "prompt_tokens": 100.0, "completion_tokens": 50.0}
    return Attempt(model, deployment, **{**made, **fields})


def test_money_calls_and_attempts_are_attributed_to_whom_they_belong():
    metrics = RouterMetrics(wall_clock=lambda: 5.0)
    failed = tried("b", error="boiler on fire", cost_usd=math.nan)
    small = step("small", cost=0.001, attempts=[failed, tried("a", first_token_s=0.1)])
    large = step("large", turn=1, cost=0.004, attempts=[tried("c", "large", cost_usd=0.004)])
    metrics.finished(request(1, tenant="acme", steps=[small, large], cost=0.005, latency=2.0))
    metrics.finished(request(2, tenant="zen", steps=[step("small")], latency=1.0))
    metrics.finished(request(3, tenant="zen", status="failed", cost=math.nan))
    metrics.finished(request(4, tenant="zen", status="cancelled", cost=0.0))
    it = metrics.snapshot()
    assert it.statuses == {"answered": 2, "failed": 1, "cancelled": 1}
    assert (it.requests.count, it.requests.errors, it.requests.cost_unknown) == (4, 1, 1)
    assert it.requests.cost_usd == 0.006
    assert it.requests.usd_per_1k == pytest.approx(2.0)
    assert (it.escalated, it.escalation_rate, it.retries) == (1, 0.5, 1)
    assert it.models["small"].count == 2
    assert it.models["small"].cost_usd == 0.002
    assert it.models["large"].cost_usd == 0.004
    assert it.models["small"].first_token_s.count == 1
    assert {name: (f.count, f.errors) for name, f in it.deployments.items()} == {
        "b": (1, 1),
        "a": (1, 0),
        "c": (1, 0),
    }
    assert it.tenants["zen"].error_rate == pytest.approx(1 / 3)
    assert {name: f.count for name, f in it.steps.items()} == {"0": 2, "1": 1}
    assert it.requests.latency_s.p99 == pytest.approx(2.0, rel=WITHIN)
    assert json.loads(it.to_json())["requests"]["count"] == 4


def test_the_first_token_is_counted_from_the_call_and_from_the_request():
    metrics = RouterMetrics()
    small = step("small", latency=0.5, attempts=[tried("a")])
    failed = tried("b", "large", error="boiler on fire", latency_s=0.3, first_token_s=0.2)
    good = tried("c", "large", latency_s=0.6, first_token_s=0.1)
    large = step("large", turn=1, latency=1.0, attempts=[failed, good])  # 0.1 s in the queue
    metrics.finished(request(1, tenant="acme", steps=[small, large], latency=1.5))
    metrics.finished(request(2, tenant="acme", steps=[small], latency=0.5))
    it = metrics.snapshot()
    assert it.deployments["c"].first_token_s.p50 == pytest.approx(0.1, rel=WITHIN)
    assert it.steps["0"].first_token_s.count == 0
    assert it.steps["1"].first_token_s.p50 == pytest.approx(0.5, rel=WITHIN)
    for totals in (it.requests, it.tenants["acme"]):
        assert totals.first_token_s.count == 1
        assert totals.first_token_s.p50 == pytest.approx(1.0, rel=WITHIN)


def test_a_call_that_was_refused_before_it_was_sent_is_no_call_no_failure_and_no_escalation():
    metrics = RouterMetrics()
    small = step("small", attempts=[tried("a")])
    large = step("large", turn=1, cost=0.004, attempts=[tried("c", "large", cost_usd=0.004)])
    refused = step("large", turn=1, cost=0.0, error="no room in the budget")
    failed = tried("c", "large", error="boiler", cost_usd=math.nan)
    broken = step("large", turn=1, cost=0.0, error="boiler", attempts=[failed])
    metrics.finished(request(1, steps=[small, large]))
    metrics.finished(request(2, steps=[small, broken, step("small", turn=2)]))
    for number in range(3, 6):
        early = request(number, steps=[small, refused])
        metrics.finished(msgspec.structs.replace(early, answer=small.feedback))
    metrics.finished(request(6, status="refused", cost=0.0, steps=[step("small", error="no room")]))
    metrics.finished(request(7, steps=[step("down", error="left alone"), step("small", turn=1)]))
    it = metrics.snapshot()
    counts = {name: (of.count, of.errors, of.not_sent) for name, of in it.models.items()}
    assert counts == {"small": (7, 0, 1), "large": (2, 1, 3), "down": (0, 0, 1)}
    assert it.models["large"].usd_per_1k == pytest.approx(4.0)  # of the calls that were made
    assert it.models["down"].error_rate is None
    turns = {turn: (of.count, of.not_sent) for turn, of in it.steps.items()}
    assert turns == {"0": (5, 2), "1": (3, 3), "2": (1, 0)}
    assert it.steps["1"].usd_per_1k == pytest.approx(5.0 / 3)
    assert (it.escalated, it.cut_short) == (2, 3)
    assert it.escalation_rate == pytest.approx(2 / 6)
    text = prometheus_text(it)
    assert 'routelab_calls_not_sent_total{model="large"} 3' in text
    assert 'routelab_calls_failed_total{model="large"} 1' in text
    assert "routelab_cut_short_total 3" in text


def test_tenants_beyond_the_cap_share_their_metrics():
    metrics = RouterMetrics(max_tenants=3)
    for number in range(10):
        metrics.finished(request(number, tenant=f"t{number}"))
    assert {name: it.count for name, it in metrics.snapshot().tenants.items()} == {
        "t0": 1,
        "t1": 1,
        "t2": 1,
        "other": 7,
    }


def test_feedback_is_counted_for_the_model_that_answered():
    metrics = RouterMetrics(remembered=2)
    for number, name in enumerate(["small", "small", "large"]):
        metrics.finished(request(number, steps=[step(name)]))
    metrics.feedback("r0", 1.0, None)  # forgotten
    metrics.feedback("r1", 0.5, None)
    metrics.feedback("r2", 1.0, None)
    metrics.feedback("r0", 0.0, "small")
    it = metrics.snapshot()
    assert it.unmatched == 1
    assert (it.quality["small"].count, it.quality["small"].mean) == (2, 0.25)
    assert it.quality["small"].standard_error == pytest.approx(0.25)
    assert it.quality["large"].standard_error is None


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40, 700])
@pytest.mark.parametrize("in_a_loop", [False, True])
def test_whoever_reads_finds_every_request_that_is_over(count, in_a_loop):
    metrics = RouterMetrics()

    def finish(numbers):
        for number in numbers:
            metrics.finished(request(number, steps=[step("small")]))

    async def finish_in_a_loop():
        finish(range(count // 2))
        await asyncio.sleep(0)  # what was left for later is done
        finish(range(count // 2, count))
        return metrics.snapshot()

    if in_a_loop:
        seen = asyncio.run(finish_in_a_loop())
    else:
        finish(range(count))
        seen = metrics.snapshot()
    assert seen.requests.count == seen.models["small"].count == count
    assert metrics.snapshot().requests.count == count


def test_a_request_that_cannot_be_counted_is_logged_and_stops_no_other(caplog):
    metrics = RouterMetrics()
    metrics.finished(request(1, tenant=["not", "a", "name"]))
    metrics.finished(request(2, tenant="acme"))
    assert metrics.snapshot().tenants["acme"].count == 1
    assert "could not be counted" in caplog.text


def test_prometheus_reads_the_names_of_opentelemetry():
    metrics = RouterMetrics()
    odd = 'm"o\\d\nel'
    metrics.finished(request(1, steps=[step(odd, attempts=[tried("a", odd)])]))
    metrics.alert(Alert("all", "2026-11-24", 0.5, 1.0, 2.0))
    text = prometheus_text(metrics.snapshot())
    chat = 'gen_ai_operation_name="chat",gen_ai_request_model="m\\"o\\\\d\\nel"'
    assert f'gen_ai_client_token_usage_sum{{{chat},gen_ai_token_type="input"}} 100' in text
    assert f'gen_ai_client_operation_duration_seconds_bucket{{{chat},le="0.64"}} 1' in text
    assert f'gen_ai_client_operation_duration_seconds_bucket{{{chat},le="0.32"}} 0' in text
    assert 'routelab_requests_total{status="answered"} 1' in text
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2
        if not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_a_router_tells_breakers_waiting_calls_and_what_was_shed(tmp_path):
    one_at_a_time = Deployment("http://upstream.test/asleep/v1", "asleep", max_concurrency=1)
    world = catalogue(first=Model(deployments=(one_at_a_time,), **PRICES))
    chosen = policy_file(tmp_path, Fixed("first"), world)
    rules = EngineRules(queue=1)

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=Endpoint().transport, rules=rules),
        ) as router:
            asking = [asyncio.ensure_future(router.route("hello")) for _ in range(3)]
            done, running = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            busy = await router.snapshot()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            return [task.exception() for task in done], busy, await router.snapshot()

    (error,), busy, after = asyncio.run(run())
    assert isinstance(error, RouteError)
    assert busy.statuses == {"shed": 1}
    assert (busy.waiting, after.waiting) == (1, 0)
    assert busy.breakers == {"asleep at http://upstream.test/asleep/v1": "closed"}
    assert after.statuses == {"shed": 1, "cancelled": 2}
    assert after.requests.errors == 1
    assert "routelab_waiting 1" in prometheus_text(busy)


def test_failures_are_counted_by_whose_fault_they_are(tmp_path, caplog):
    at = (
        Deployment("http://upstream.test/keyless/v1", "keyless", api_key_env="NO_SUCH_KEY"),
        *model("busy", "broken", "bare").deployments,
    )
    world = catalogue(first=Model(deployments=at, **PRICES))
    chosen = policy_file(tmp_path, Fixed("first"), world)

    async def run():
        config = RouterConfig(transport=Endpoint().transport)
        async with AsyncRouter(chosen, world, config) as router:
            for _ in range(2):
                assert (await router.route("hello")).answer == "bare"
            return await router.snapshot()

    snapshot = asyncio.run(run())
    label = "{0}-name at http://upstream.test/{0}/v1".format
    keyless = "keyless at http://upstream.test/keyless/v1"
    counts = {it: sum(of.values()) for it, of in snapshot.failures.items()}
    assert snapshot.failures[keyless] == {"key": counts[keyless]}
    assert snapshot.failures[label("busy")] == {"rate": counts[label("busy")]}
    assert snapshot.failures[label("broken")] == {"server": counts[label("broken")]}
    assert counts[keyless] == 2
    text = prometheus_text(snapshot)
    named = f'deployment="{keyless}",failure="key",fault="account"'
    assert f"routelab_failures_total{{{named}}} 2" in text
    assert f"routelab_operator_failures_total{{{named}}} 2" in text
    assert 'failure="server",fault="deployment"} 2' in text
    assert text.count("routelab_operator_failures_total{") == 1
    assert f'routelab_tries_cost_unknown_total{{deployment="{label("bare")}"}} 2' in text
    loud = [it for it in caplog.records if it.levelname == "ERROR"]
    assert [("NO_SUCH_KEY is not set" in it.getMessage()) for it in loud] == [True]


def test_a_blocking_router_has_metrics_too(tmp_path):
    chosen = policy_file(tmp_path, Fixed("first"), catalogue(first=model("plain")))
    with Router(
        chosen,
        chosen.document.catalogue,
        config=RouterConfig(transport=Endpoint().transport, log=tmp_path / "log"),
    ) as router:
        routed = router.route("hello")
        router.feedback(routed.decision.request_id, 0.5)
        it = router.snapshot()
    assert it.statuses == {"answered": 1}
    assert it.quality["first"].mean == 0.5
    assert it.log is not None


def test_answers_without_a_signal_that_was_needed_are_counted(tmp_path, caplog):
    policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")
    world = catalogue(first=model("plain"), last=model("plain"))
    source = {"score": "column:choices.0.absent"}

    async def route():
        chosen = policy_file(tmp_path, policy, world)
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=Endpoint().transport, signals=source),
        ) as router:
            for prompt in "abc":
                await router.route(prompt)
            return await router.snapshot()

    snapshot = asyncio.run(route())
    heard = snapshot.signals["first"]["score"]
    assert (heard.answers, heard.missing) == (3, 3)
    assert set(snapshot.signals) == {"first"}
    (said,) = caplog.messages
    assert "neither routelab.signals.choices.0.absent nor choices.0.absent" in said
    assert json.loads(snapshot.to_json())["signals"]["first"]["score"]["missing"] == 3
    label = 'gen_ai_operation_name="chat",gen_ai_request_model="first",signal="score"'
    assert f"routelab_signal_missing_total{{{label}}} 3" in prometheus_text(snapshot)
