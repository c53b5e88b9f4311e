"""What ships with routelab happens on the embedded log, and shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from routelab.cli.bundled_files import datasets
from routelab.policy_file import load
from routelab.simulate import SimulationOptions, arrivals, latency, scenario, simulate, slo
from routelab.simulate.surge import surged_arrivals

FOLDER = datasets() / "scenarios"
GOALS = slo.parse((FOLDER / "slo.toml").read_text(encoding="utf-8"), "slo.toml")


@pytest.fixture(scope="module")
def world(tuned, sample_log):
    chosen = load(tuned.policy)
    log = sample_log.with_specs(chosen.document.signals)
    return chosen, log, arrivals(log, "poisson:5", requests=2300)


def day_of(world, told):
    chosen, log, coming = world
    coming = replace(coming, at_s=surged_arrivals(coming.at_s, told.surges))
    return simulate(
        chosen, log, coming, latency(log, "logged"), options=SimulationOptions(scenario=told)
    )


def named(name):
    return scenario.parse((FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)


@pytest.mark.parametrize("name", ["outage", "slow", "rate-limits", "cut-streams"])
def test_every_fault_changes_a_hundredth_of_the_attempts_and_loses_nothing(world, name):
    day = day_of(world, named(name))
    assert day.struck_share >= 0.01
    assert day.answered.mean() >= 0.999
    assert sum(it.struck for it in day.worked) == day.struck
    assert sum(it.attempts for it in day.worked) == day.n_attempts
    assert {it.provider for it in day.worked if it.struck} == {"north"}


def test_the_spike_makes_requests_wait_and_the_quiet_day_has_room(world):
    spike = named("spike")
    quiet = day_of(world, structs.replace(spike, surges=()))
    crowded = day_of(world, spike)
    assert (crowded.latency_s > quiet.latency_s + 0.1).mean() > 0.01
    assert slo.failed(slo.check(GOALS, crowded, "slo.toml"))
    assert not slo.failed(slo.check(GOALS, quiet, "slo.toml"))
    lines = [int(np.max(it.waiting, initial=0)) for it in crowded.sampled]
    assert max(lines) > 10
