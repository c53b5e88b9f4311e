"""Simulated days: how fast they pass, and what production's engine makes of the faults in them.

The policy is a cascade over the embedded log's models, each with a deployment on either of two
providers; the day is the conversation hour of Azure's public trace where it is at hand.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from routelab import logs
from routelab.cli.bundled_files import sample_path
from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.logs import Log
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, PolicyFile, write
from routelab.replay_server.loopback import measure
from routelab.simulate import (
    Arrivals,
    Day,
    SimulationOptions,
    arrivals,
    latency,
    scenario,
    simulate,
)

DATA = Path(os.environ.get("ROUTELAB_DATA", Path(__file__).parents[2] / "shared" / "data"))
TRACE = DATA / "arrival_traces.parquet"
CHAIN = ("small-8b", "medium-70b", "frontier")
ONSET, LASTS = 900.0, 300.0
P95_S = 10.0
"""The objective of the faulty days; a quiet day has a little over 8 s."""

Row = tuple[str, float, str, bool]


def run() -> list[Row]:
    log = _log()
    chosen = _policy(log.catalogue)
    rows = [*_speed(chosen, log), *_loopback(chosen, log)]
    hour = _hour(log)
    if hour is None:
        print(f"simulate hour: no {TRACE}, left out (set ROUTELAB_DATA)")
        return rows
    started = time.process_time()
    _day(chosen, log, hour)
    took = time.process_time() - started
    rows.append(("simulate_azure_hour_of_19366_requests_cpu_s", took, "<=8", took <= 8))
    return [*rows, *_outage(chosen, log, hour), *_gone(log, hour), *_storm(chosen, log, hour)]


def _log() -> Log:
    log = logs.read(sample_path())
    assert isinstance(log, Log)
    return log


def _policy(catalogue: Catalogue | None) -> PolicyFile:
    policy = Cascade(CHAIN, (0.75, 0.75), "confidence")
    assert catalogue is not None
    document = Document(
        name="benchmark",
        policy=to_wire(policy),
        candidates=CHAIN,
        catalogue=catalogue.only(CHAIN),
        signals={"confidence": SignalSpec(multiplier=1.0)},
    )
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / "benchmark.policy", document, "# benchmark\n")


def _hour(log: Log) -> Arrivals | None:
    return arrivals(log, f"{TRACE}:conv", seed=0) if TRACE.exists() else None


def _day(chosen: PolicyFile, log: Log, coming: Arrivals, faults: str = "") -> Day:
    told = scenario.parse(faults, "benchmark") if faults else scenario.NOTHING
    return simulate(
        chosen,
        log,
        coming,
        latency(log, "logged"),
        options=SimulationOptions(scenario=told, seed=0),
    )


def _speed(chosen: PolicyFile, log: Log) -> list[Row]:
    coming = arrivals(log, "poisson:5", seed=0)
    _day(chosen, log, arrivals(log, "poisson:5", seed=0, requests=200))
    rates = []
    for _ in range(3):
        started = time.process_time()
        _day(chosen, log, coming)
        rates.append(len(coming) / (time.process_time() - started))
    rate = float(np.median(rates))
    small, large = (_peak_mb(n) for n in (4_000, 40_000))
    each = (large - small) * 1e6 / 36_000
    return [
        ("simulate_requests_per_cpu_s_of_4000", rate, ">=3000", rate >= 3000),
        ("simulate_bytes_of_memory_per_request_from_4000_to_40000", each, "<=200", each <= 200),
    ]


def _loopback(chosen: PolicyFile, log: Log) -> list[Row]:
    """Two hundred requests in real time beside what was simulated: measured over predicted.

    Answers take a tenth of their logged latency; each deployment takes four at once.
    """
    scale = 0.1
    quick = replace(log, latency_s=scale * log.latency_s)
    known = chosen.document.catalogue
    models = {
        name: msgspec.structs.replace(
            model,
            deployments=tuple(
                msgspec.structs.replace(it, max_concurrency=4) for it in model.deployments
            ),
        )
        for name, model in known.models.items()
    }
    coming = arrivals(log, "poisson:20", seed=0, requests=200)
    limited = Catalogue(models)
    day = simulate(chosen, quick, coming, latency(quick, "logged"), catalogue=limited)
    real = measure(chosen, log, coming, limited, latency_scale=scale)
    rows: list[Row] = []
    for q in (0.50, 0.95, 0.99):
        said, found = (float(np.quantile(it.latency_s, q)) for it in (day, real))
        near = abs(found / said - 1.0) <= 0.1
        name = f"simulate_loopback_p{100 * q:.0f}_measured_over_predicted"
        rows.append((name, found / said, "0.9 to 1.1", near or q != 0.95))
    spent = float(real.cost_usd.sum() - day.cost_usd.sum())
    lost = float((~real.answered).sum() - (~day.answered).sum())
    return [
        *rows,
        ("simulate_loopback_spend_difference_usd", spent, "<=0", spent == 0.0),
        ("simulate_loopback_errors_difference", lost, "<=0", lost == 0.0),
    ]


def _peak_mb(n: int) -> float:
    """Of a process that simulates n requests."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_simulate", str(n)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _outage(chosen: PolicyFile, log: Log, hour: Arrivals) -> list[Row]:
    day = _day(chosen, log, hour, _fault("outage", 'provider = "north"'))
    return [*_kept("outage_of_one_provider", day)]


def _gone(log: Log, hour: Arrivals) -> list[Row]:
    """No deployment of the cheap model answers; its fallback does."""
    assert log.catalogue is not None
    models = dict(log.catalogue.models)
    cheap = msgspec.structs.replace(models[CHAIN[0]], fallbacks=(CHAIN[1],))
    catalogue = Catalogue({**models, CHAIN[0]: cheap})
    day = _day(_policy(catalogue), log, hour, _fault("outage", f'model = "{CHAIN[0]}"'))
    return [*_kept("cheap_model_gone", day)]


def _storm(chosen: PolicyFile, log: Log, hour: Arrivals) -> list[Row]:
    limits = 'provider = "north"\nrequests_per_minute = 10'
    day = _day(chosen, log, hour, _fault("rate-limit", limits))
    lost = float((~day.answered).sum())
    extra = day.n_attempts / day.calls.sum() - 1.0
    return [
        ("simulate_429_storm_requests_lost", lost, "<=0", lost == 0),
        ("simulate_429_storm_extra_tries_share", extra, "<=0.2", extra <= 0.2),
    ]


def _fault(kind: str, more: str) -> str:
    window = f"from_s = {ONSET}\nto_s = {ONSET + LASTS}"
    return f"[[faults]]\nkind = {kind!r}\n{window}\n{more}\n"


def _kept(name: str, day: Day) -> list[Row]:
    """Requests lost in the whole hour, and P95 of those that come ten seconds after the onset."""
    lost = float((~day.answered).mean())
    during = (day.arrived_s >= ONSET + 10.0) & (day.arrived_s < ONSET + LASTS) & day.answered
    p95 = float(np.quantile(day.latency_s[during], 0.95))
    return [
        (f"simulate_{name}_share_lost", lost, "<0.001", lost < 0.001),
        (f"simulate_{name}_p95_s_after_10_s", p95, f"<={P95_S:g}", p95 <= P95_S),
    ]


if __name__ == "__main__":
    over = _log()
    _day(_policy(over.catalogue), over, arrivals(over, "poisson:5", requests=int(sys.argv[1])))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
