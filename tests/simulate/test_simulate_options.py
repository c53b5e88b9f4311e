"""What a simulated day is told, in one value."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from routelab.errors import ConfigError, PolicyError, SimulationError
from routelab.policy_file import load
from routelab.replay_server.loopback import measure
from routelab.runtime import RouterConfig
from routelab.simulate import SimulationOptions, arrivals, latency, simulate


def test_what_the_simulation_sets_itself_is_refused_with_the_reason():
    config = RouterConfig(log="decisions", rng=random.Random(0), clock=lambda: 0.0)
    with pytest.raises(ConfigError) as caught:
        SimulationOptions(config=config, seed="one")
    seed, log, clock, rng = caught.value.problems
    assert "seed='one'" in seed
    assert log.startswith("config.log is set by the simulation")
    assert "events=" in log
    assert "time is virtual" in clock
    assert "give seed" in rng


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("events", 3),
        ("events", "x"),
        ("progress", 3),
        ("stream", "yes"),
        ("latency_known", None),
        ("seed", -1),
        ("seed", True),
        ("seed", 1.5),
    ],
)
def test_values_of_a_wrong_type_are_refused_by_field(name, value):
    with pytest.raises(ConfigError) as caught:
        SimulationOptions(**{name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name}={value!r}: give ")


def test_a_misspelt_or_misplaced_argument_is_told_where_it_goes():
    with pytest.raises(ConfigError, match="no field of SimulationOptions 'sead'; write 'seed'"):
        SimulationOptions(sead=1)
    with pytest.raises(ConfigError) as caught:
        simulate(None, None, None, None, seed=1, budgets="b.toml", catalog=None)
    seed, budgets, catalog = caught.value.problems
    assert "write options=SimulationOptions(seed=...)" in seed
    assert "write options=SimulationOptions(config=RouterConfig(budgets=...))" in budgets
    assert "write 'catalogue'" in catalog


def test_a_simulation_says_how_to_load_a_policy(tuned, sample_log):
    coming = arrivals(sample_log, "poisson:1", requests=3)
    with pytest.raises(PolicyError, match=r"is a path: load it first, with routelab\.load\('demo"):
        simulate("demo.policy", sample_log, coming, latency(sample_log, "none"))
    with pytest.raises(PolicyError, match=r"pass the whole policy file, not its `\.policy`"):
        simulate(load(tuned.policy).policy, sample_log, coming, latency(sample_log, "none"))


def test_an_unknown_latency_model_is_told_with_those_there_are(sample_log):
    with pytest.raises(SimulationError, match="write 'fitted'; there is logged, fitted, none"):
        latency(sample_log, "fited")


def test_a_real_day_holds_the_bounds_of_requests_as_a_simulated_one_does(tuned, sample_log):
    chosen = load(tuned.policy)
    log = sample_log.with_specs(chosen.document.signals)
    bound = np.where(np.arange(len(log)) % 3 == 0, 1e-9, np.nan)
    log = replace(log, requests=replace(log.requests, max_cost_usd=bound))
    coming = arrivals(log, "poisson:400", seed=5, requests=90)
    day = simulate(chosen, log, coming, latency(log, "none"))
    real = measure(chosen, log, coming, chosen.document.catalogue, latency_scale=0.0)
    assert 10 < (~day.answered).sum() < 60
    assert np.array_equal(real.answered, day.answered)
    assert list(real.models) == day.model.tolist()
    assert np.array_equal(real.cost_usd, day.cost_usd)
