"""A quiet day is the replay, two runs are one, and what goes wrong shows."""

from __future__ import annotations

import io
from dataclasses import replace

import anyio
import numpy as np
import pytest

from routelab.errors import SimulationError
from routelab.gates import Function
from routelab.policy_file import load
from routelab.replay import run
from routelab.reports.day import render_day
from routelab.runtime import RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets
from routelab.simulate import SimulationOptions, arrivals, latency, scenario, simulate, slo
from routelab.simulate.arrivals import moment_s
from routelab.simulate.surge import surged_arrivals


@pytest.fixture(scope="module")
def world(tuned, sample_log):
    chosen = load(tuned.policy)
    log = sample_log.with_specs(chosen.document.signals)
    return chosen, log, arrivals(log, "poisson:5", seed=1, requests=600)


def day_of(world, options):
    chosen, log, coming = world
    return simulate(chosen, log, coming, latency(log, "logged"), options=options)


@pytest.mark.parametrize("stream", [False, True])
def test_a_quiet_day_costs_and_decides_what_the_replay_says(world, stream):
    chosen, log, coming = world
    day = day_of(world, SimulationOptions(seed=1, stream=stream))
    replayed = run(
        chosen.policy, log, catalogue=chosen.document.catalogue, seed=chosen.document.seed
    ).take(coming.rows)
    assert np.array_equal(day.cost_usd, replayed.cost_usd)
    assert np.array_equal(day.quality, replayed.quality)
    assert np.array_equal(day.calls, replayed.calls)
    assert day.model.tolist() == [replayed.models[it] for it in replayed.answered]
    assert np.allclose(day.latency_s, replayed.latency_s, rtol=0, atol=1e-9)
    assert day.struck == 0


def test_two_runs_write_the_same_bytes(world):
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        day_of(world, SimulationOptions(seed=1, scenario=outage(world), events=file))
    assert files[0].getvalue() == files[1].getvalue()
    assert files[0].getvalue().count(b"\n") == 600


def outage(world, **more):
    fields = {"provider": "north", "from_s": 20.0, "to_s": 90.0, **more}
    told = "\n".join(f"{name} = {value!r}" for name, value in fields.items())
    return scenario.parse(f"[[faults]]\nkind = 'outage'\n{told}\n", "outage.toml")


def test_while_one_provider_is_down_the_other_answers(world):
    day = day_of(world, SimulationOptions(seed=1, scenario=outage(world)))
    assert day.answered.all()
    assert day.struck > 0
    assert max(int(it.state.max()) for it in day.sampled if it.provider == "north") == 2
    assert all(int(it.state.max()) == 0 for it in day.sampled if it.provider == "south")


def test_with_every_provider_down_requests_fail_and_that_costs_nothing(world):
    everywhere = outage(world, provider="", from_s=0.0, to_s=1e6)
    day = day_of(world, SimulationOptions(seed=1, scenario=everywhere))
    assert not day.answered.any()
    assert day.cost_usd.sum() == 0.0
    checked = slo.check(slo.parse("error_rate = 0.001", "slo.toml"), day, "slo.toml")
    assert slo.failed(checked)
    with pytest.raises(SimulationError, match="no request was answered"):
        slo.check(slo.parse("p95_latency_s = 1.0", "slo.toml"), day, "slo.toml")


def test_a_surge_brings_the_same_requests_sooner(world):
    _, _, coming = world
    crowd = scenario.parse(
        "[[surges]]\nfrom_s = 20\nto_s = 40\nfactor = 3.0\n", "spike.toml"
    ).surges
    sooner = replace(coming, at_s=surged_arrivals(coming.at_s, crowd))
    before = np.count_nonzero((coming.at_s >= 20) & (coming.at_s < 40))
    during = np.count_nonzero((sooner.at_s >= 20) & (sooner.at_s < 40))
    assert 2.3 * before < during < 3.7 * before
    assert np.all(np.diff(sooner.at_s) >= 0)
    assert sooner.duration_s == pytest.approx(coming.duration_s - 40.0)


def test_gates_that_are_functions_judge_answers_in_virtual_time(world):
    asked = []

    def strict(request, text):
        asked.append(text)
        return "too short"

    async def slow(request, text):
        await anyio.sleep(0.5)

    config = RouterConfig(gates=(Function("strict"),), gate_functions={"strict": strict})
    day = day_of(world, SimulationOptions(seed=1, config=config))
    assert not day.answered.any()
    chosen, log, _ = world
    models = [log.column(name) for name in chosen.policy.models]
    failed = np.cumsum(log.error[np.ix_(day.rows, models)], axis=1)  # and so not judged
    assert len(asked) == day.n_attempts - failed[:, -1].sum()
    assert day.cost_usd.sum() > 0.0
    quiet = day_of(world, SimulationOptions(seed=1))
    config = RouterConfig(gates=(Function("slow"),), gate_functions={"slow": slow})
    waited = day_of(world, SimulationOptions(seed=1, config=config))
    assert np.array_equal(waited.cost_usd, quiet.cost_usd)
    judged = quiet.calls - failed[np.arange(len(failed)), quiet.calls - 1]
    assert np.allclose(waited.latency_s, quiet.latency_s + 0.5 * judged)


def test_a_day_has_the_dates_of_its_log_or_those_that_are_given(world, sample_log):
    chosen, log, _ = world
    first_s = float(log.requests.timestamp_s.min())
    midnight_s = first_s - first_s % 86_400
    assert arrivals(log, "log").starts_s == first_s
    assert arrivals(log, "poisson:5").starts_s == midnight_s
    undated = replace(log, requests=replace(log.requests, timestamp_s=None))
    assert arrivals(undated, "poisson:5").starts_s == moment_s("2001-01-01") == 978_307_200.0
    assert moment_s("2026-03-01T10:30+01:00") == moment_s("2026-03-01T09:30")
    with pytest.raises(SimulationError, match="'soon' is no date; write it as 2026-03-01"):
        moment_s("soon")
    coming = arrivals(log, "poisson:5", requests=50, starts_s=moment_s("2026-02-28T23:59:55"))
    events = io.BytesIO()
    budgets = Budgets(all=BudgetRule(limit_usd=1e-6))
    day = simulate(
        chosen,
        log,
        coming,
        latency(log, "logged"),
        options=SimulationOptions(events=events, config=RouterConfig(budgets=budgets)),
    )
    assert day.starts_at == day.summary()["starts_at"] == "2026-02-28 23:59"
    early, late = day.failures[0], day.failures[-1]
    assert early.timestamp_s == coming.starts_s
    assert "for 2026-02-28" in early.error
    assert "resets at 2026-03-01" in early.error
    assert late.timestamp_s <= coming.starts_s + coming.at_s[-1]
    page = render_day([day], [], scenario.NOTHING, "sample").html.decode()
    assert "from 2026-02-28 23:59 UTC" in page
    assert "resets at 2026-03-01" in page
    assert "1970" not in page


def test_mistakes_of_a_scenario_are_told_at_once_each_with_its_fault():
    text = (
        "[[faults]]\nkind = 'outtage'\nfrom_s = 1\nto_s = 2\n"
        "[[faults]]\nkind = 'slow'\nfrom_s = 'noon'\nto_s = 2\n[[faults]]\nfrom_s = 1\n"
        "[capacity]\nlarge = 'few'\n"
    )
    with pytest.raises(SimulationError) as caught:
        scenario.parse(text, "bad.toml")
    told = str(caught.value)
    assert "bad.toml: fault 1: no kind 'outtage'; write 'outage'; there is outage, black" in told
    assert "bad.toml: fault 2: from_s is 'noon'; write a number" in told
    assert "bad.toml: fault 3: kind is missing; there is outage, blackhole" in told
    assert "bad.toml: capacity is {'large': 'few'}; write a table of whole numbers" in told
