"""Metrics of several processes are those of one that had answered everything."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from routelab.core.decision import Step
from routelab.core.protocol import Attempt, Call, Feedback
from routelab.core.request import Request
from routelab.runtime.budgets import Alert
from routelab.runtime.finished_request import FinishedRequest
from routelab.runtime.journal import LogStatus
from routelab.runtime.metrics import RouterMetrics, Snapshot, merged_snapshots, prometheus_text

MODELS = ("small", "large")


def finished(rng, number):
    """A request of one or two calls, some of which fail or have no price."""
    steps = []
    for turn, model in enumerate(MODELS[: rng.integers(1, 3)]):
        cost = math.nan if rng.random() < 0.1 else float(rng.exponential(0.01))
        error = "boiler" if rng.random() < 0.2 else None
        attempt = Attempt(
            model, f"{model}-{rng.integers(2)}", latency_s=float(rng.exponential()), cost_usd=cost,
            error=error, prompt_tokens=float(rng.integers(1, 900)), completion_tokens=7.0,
            first_token_s=0.1, failure="" if error is None else "server_error",
        )  # fmt: skip
        feedback = Feedback(
            model, signals={"score": math.nan if rng.random() < 0.3 else 0.5}, cost_usd=cost,
            latency_s=attempt.latency_s, error=error, attempts=(attempt,),
        )  # fmt: skip
        steps.append(Step(Call(model, need=("score",)), feedback, turn=turn))
    good = steps[-1].feedback.error is None
    return FinishedRequest(
        request=Request(f"r{number}", tenant=f"t{rng.integers(4)}"),
        policy="p",
        status="answered" if good else "failed",
        timestamp_s=1.0,
        latency_s=sum(it.feedback.latency_s for it in steps),
        cost_usd=sum(it.feedback.cost_usd for it in steps),
        steps=tuple(steps),
        answer=steps[-1].feedback if good else None,
    )


def assert_alike(found, expected, where=""):
    """The same but for the last digits of means."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name, value in expected.items():
            assert_alike(found[name], value, f"{where}.{name}")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9), where
    else:
        assert found == expected, where


@pytest.mark.parametrize("n", [1, 3])
def test_the_sum_is_what_one_process_would_have_counted(n):
    rng = np.random.default_rng(3)
    one = RouterMetrics(wall_clock=lambda: 5.0)
    parts = [RouterMetrics(wall_clock=lambda: 5.0) for _ in range(n)]
    for number in range(400):
        request, part = finished(rng, number), parts[rng.integers(n)]
        for metrics in (one, part):
            metrics.finished(request)
            if number % 3 == 0:
                metrics.feedback(f"r{number}", number / 400, MODELS[number % 2])
    sent = [msgspec.msgpack.encode(it.snapshot()) for it in parts]
    total = merged_snapshots([msgspec.msgpack.decode(it, type=Snapshot) for it in sent])
    whole = one.snapshot()
    assert whole.requests.cost_known + whole.requests.cost_unknown == whole.requests.count
    assert_alike(msgspec.to_builtins(total), msgspec.to_builtins(whole))
    assert sorted(prometheus_text(total).splitlines()) == sorted(
        prometheus_text(whole).splitlines()
    )


def test_states_are_those_of_whoever_is_in_trouble():
    alert = Alert("all", "total", 0.5, 1.0, 2.0)
    states = [
        RouterMetrics().snapshot().with_state(
            breakers={"a": "closed", "b": mine}, unlike={"image": 2}, alerts=(alert,), waiting=1,
            log=LogStatus(written=5, error=error),
        )
        for mine, error in (("closed", None), ("open", "disk full"))
    ]  # fmt: skip
    total = merged_snapshots(states)
    assert total.breakers == {"a": "closed", "b": "open"}
    assert (total.unlike, total.alerts, total.waiting) == ({"image": 4}, (alert,), 2)
    assert total.log == LogStatus(written=10, error="disk full")
    assert merged_snapshots(states[:1]).escalation_rate is None
