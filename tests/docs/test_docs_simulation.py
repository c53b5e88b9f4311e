"""The page on simulation shows every fault, field and objective, and what it shows is accepted."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from routelab.policy_file import load
from routelab.simulate import SimulationOptions, arrivals, latency, scenario, simulate, slo
from routelab.simulate.faults import FAULTS, Fault

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def test_the_example_scenario_has_every_fault_and_every_field():
    listed = tomllib.loads(BLOCKS[0])["faults"]
    shown = {it["kind"]: set(it) for it in listed}
    everywhere = {"kind", *Fault.__struct_fields__}
    assert {key for it in listed for key in it} >= everywhere
    for kind in FAULTS:
        own = set(kind.__struct_fields__) - everywhere - {"share"}
        assert own <= shown[kind.__struct_config__.tag], kind
    scenario.parse(BLOCKS[0], "simulation.md")


def test_the_example_scenario_happens(tuned, sample_log):
    chosen = load(tuned.policy)
    log = sample_log.with_specs(chosen.document.signals)
    told = scenario.parse(BLOCKS[0], "simulation.md")
    coming = arrivals(log, "poisson:5", requests=400)
    scenario.check(told, sample_log.catalogue, coming.duration_s, "simulation.md")
    day = simulate(
        chosen,
        log,
        coming,
        latency(log, "logged"),
        options=SimulationOptions(scenario=told, stream=True),
    )
    assert day.struck_share > 0.1
    assert len(day) == 400
    goals = slo.parse(BLOCKS[1], "simulation.md")
    assert {it.objective for it in slo.check(goals, day, "simulation.md")} == {
        "error_rate", "p95_latency_s", "usd_per_1k", "quality",
    }  # fmt: skip
