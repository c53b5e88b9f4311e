"""What is simulated is what happens: the same requests over HTTP, to servers that take time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import convert, structs

from routelab.core.catalogue.catalogue import Catalogue
from routelab.policy_file import load
from routelab.replay_server.loopback import measure
from routelab.simulate import Scenario, SimulationOptions, arrivals, latency, simulate

SCALE = 0.1
"""Answers take a tenth of their logged latency, which is long beside what HTTP adds."""


@pytest.fixture(scope="module")
def world(tuned, sample_log):
    chosen = load(tuned.policy)
    log = sample_log.with_specs(chosen.document.signals)
    return chosen, log


def limited(catalogue, places):
    """Every deployment takes so many calls at once, so that further ones wait."""
    return Catalogue(
        {
            name: structs.replace(
                model,
                deployments=tuple(
                    structs.replace(it, max_concurrency=places) for it in model.deployments
                ),
            )
            for name, model in catalogue.models.items()
        }
    )


def both(world, down):
    """P95 latency of a small day: as simulated, and over HTTP, where all else is the same."""
    chosen, log = world
    catalogue = limited(chosen.document.catalogue, 4)
    coming = arrivals(log, "poisson:22", seed=3, requests=100)
    faults = [{"kind": "outage", "provider": it, "from_s": 0.0, "to_s": 1e6} for it in down]
    quick = replace(log, latency_s=SCALE * log.latency_s)
    day = simulate(
        chosen,
        quick,
        coming,
        latency(quick, "logged"),
        catalogue,
        SimulationOptions(scenario=convert({"faults": faults}, Scenario)),
    )
    real = measure(chosen, log, coming, catalogue, latency_scale=SCALE, down=down)
    assert day.answered.all()
    assert real.answered.all()
    assert np.array_equal(real.cost_usd, day.cost_usd)
    assert list(real.models) == day.model.tolist()
    return np.quantile(day.latency_s, 0.95), np.quantile(real.latency_s, 0.95)


outages = pytest.mark.parametrize("down", [(), ("north",)], ids=["quiet", "provider down"])


@outages
def test_a_small_day_costs_as_much_and_takes_no_less_than_it_was_said_to(world, down):
    said, found = both(world, down)
    assert found > 0.9 * said - 0.03  # a busy machine only makes it longer


@pytest.mark.slow  # needs a machine that has nothing else to do
@outages
def test_a_small_day_takes_as_long_as_it_was_said_to(world, down):
    for _ in range(3):
        said, found = both(world, down)
        if found < 1.1 * said:
            break
    assert found == pytest.approx(said, rel=0.10, abs=0.03)


def test_a_thousand_requests_decide_and_cost_the_same_over_http(world):
    chosen, log = world
    coming = arrivals(log, "poisson:400", seed=5, requests=1000)
    day = simulate(chosen, log, coming, latency(log, "none"))
    real = measure(chosen, log, coming, chosen.document.catalogue, latency_scale=0.0)
    assert list(real.models) == day.model.tolist()
    assert np.array_equal(real.cost_usd, day.cost_usd)
