"""Answers that take longer than an attempt may: warned of, counted, and their money kept apart."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model, Timeouts
from routelab.core.catalogue.engine_rules import EngineRules, RetryRules
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, write
from routelab.replay.timeouts import timed_out_answers
from routelab.reports.day import render_day
from routelab.runtime import RouterConfig
from routelab.simulate import SimulationOptions, arrivals, latency, simulate
from routelab.simulate.scenario import NOTHING

LIMIT_S = 6.0
ONCE = EngineRules(retry=RetryRules(most=0))


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    fixed = Fixed(model="frontier")
    at = Deployment("http://only.simulated/v1", "frontier")
    document = Document(
        name="only",
        policy=to_wire(fixed),
        candidates=fixed.models_used,
        catalogue=Catalogue({"frontier": Model(deployments=(at,))}),
        signals={},
    )
    return write(tmp_path_factory.mktemp("only") / "only.policy", document, "# only\n")


def day_of(policy, log, *, scale=1.0, catalogue=None, stream=False, **config):
    coming = arrivals(log, "poisson:5", seed=1, requests=500)
    takes = latency(log, "logged", scale)
    return coming.rows, simulate(
        policy,
        log,
        coming,
        takes,
        catalogue,
        SimulationOptions(seed=1, stream=stream, config=RouterConfig(rules=ONCE, **config)),
    )


def column(log, name="frontier"):
    return log.models.index(name)


def test_slow_answers_of_a_model_that_costs_nothing_have_no_share_of_its_cost(sample_log):
    free = replace(sample_log, cost_usd=np.zeros_like(sample_log.cost_usd))
    model = Model(deployments=(Deployment("http://only.simulated/v1", "frontier"),))
    (found,) = timed_out_answers(free, Catalogue({"frontier": model}), timeout_s=LIMIT_S)
    assert found.slower > 0
    assert "of its cost" not in str(found)


def test_money_of_answers_nobody_waited_for_is_told_apart_from_the_bill(policy, sample_log):
    rows, day = day_of(policy, sample_log, timeout_s=LIMIT_S)
    at = column(sample_log)
    slow = sample_log.latency_s[rows, at] > LIMIT_S
    logged_usd = sample_log.cost_usd[rows, at]
    assert 20 < slow.sum() < 480
    assert np.array_equal(day.answered, ~slow)
    assert day.errors_by == {("no answer in 6 s", "frontier"): int(slow.sum())}
    assert day.cost_usd.sum() == pytest.approx(logged_usd[~slow].sum())
    assert day.unwaited_usd_per_1k == pytest.approx(1000 * logged_usd[slow].sum() / len(rows))
    told = day.summary()
    assert told["unwaited_usd_per_1k"] == day.unwaited_usd_per_1k
    assert told["deployments"][0]["errors_by"] == {"no answer in 6 s": int(slow.sum())}


def test_a_day_that_waits_for_every_answer_leaves_nothing_unpaid(policy, sample_log):
    _, day = day_of(policy, sample_log, timeout_s=math.inf)
    assert day.answered.all()
    assert (day.errors_by, day.unwaited_usd_per_1k, day.slow_answers) == ({}, 0.0, ())


def test_streams_that_break_off_are_counted_whole(policy, sample_log):
    (at,) = policy.document.catalogue.models["frontier"].deployments
    impatient = structs.replace(at, timeouts=Timeouts(total_s=LIMIT_S))
    prices = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
    catalogue = Catalogue({"frontier": Model(deployments=(impatient,), **prices)})
    rows, day = day_of(policy, sample_log, catalogue=catalogue, stream=True)
    at = column(sample_log)
    slow, lost = sample_log.latency_s[rows, at] > LIMIT_S, ~day.answered
    assert lost.any()
    assert slow[lost].all()
    logged_usd = sample_log.cost_usd[rows, at]  # of some the text was complete, the usage missing
    assert day.unwaited_usd_per_1k == pytest.approx(1000 * logged_usd[slow].sum() / len(rows))
    assert 0.0 < day.cost_usd[lost].sum() < logged_usd[lost].sum()


def test_slow_answers_are_counted_as_the_log_has_them(policy, sample_log):
    catalogue = policy.document.catalogue
    (found,) = timed_out_answers(sample_log, catalogue, timeout_s=LIMIT_S)
    took = sample_log.latency_s[:, column(sample_log)]
    cost = sample_log.cost_usd[:, column(sample_log)]
    slow = took > LIMIT_S
    assert (found.model, found.limit_s) == ("frontier", LIMIT_S)
    assert (found.slower, found.answers) == (slow.sum(), (~np.isnan(took)).sum())
    assert found.longest_s == took.max()
    assert found.cost_share == pytest.approx(cost[slow].sum() / cost.sum())
    assert day_of(policy, sample_log, timeout_s=LIMIT_S)[1].slow_answers == (found,)


def test_a_deployments_own_limit_goes_before_the_routers(policy, sample_log):
    (only,) = policy.document.catalogue.models["frontier"].deployments
    patient = structs.replace(only, timeouts=Timeouts(total_s=1e6))
    model = Model(deployments=(patient,))
    assert timed_out_answers(sample_log, Catalogue({"frontier": model}), timeout_s=LIMIT_S) == ()
    both = Model(deployments=(patient, only))
    assert timed_out_answers(sample_log, Catalogue({"frontier": both}), timeout_s=LIMIT_S)
    assert timed_out_answers(sample_log, Catalogue({"frontier": Model()}), timeout_s=LIMIT_S) == ()


def test_scaled_latencies_scale_the_day(policy, sample_log):
    _, whole = day_of(policy, sample_log)
    _, tenth = day_of(policy, sample_log, scale=0.1)
    assert np.allclose(tenth.latency_s, 0.1 * whole.latency_s, rtol=1e-9, atol=1e-9)
    assert np.array_equal(tenth.cost_usd, whole.cost_usd)


def test_the_report_says_what_was_not_waited_for(policy, sample_log):
    _, day = day_of(policy, sample_log, timeout_s=LIMIT_S)
    page = render_day([day], [], NOTHING, "sample").html.decode()
    assert "Attempts without an answer" in page
    assert "no answer in 6 s" in page
    assert "Answers that nobody waited for: up to" in page
    assert "take longer than 6 s" in page
