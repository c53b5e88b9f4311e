"""The command that repeats a study, as far as its data remember it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from routelab.reports.summary import Summary

_OF_DAYS = {"slo": "objectives_file", "arrivals": "arrivals", "faults": "scenario_file"}
_PLAIN = ("seed", "trials", "sampler", "group")


def command(summary: Summary) -> str | None:
    """`routelab tune` with the options of the study; None where they are not known."""
    options = summary.provenance.get("options")
    if not isinstance(options, Mapping):
        return None
    log = str(summary.provenance.get("log", "LOG"))
    words = ["routelab", "tune", log, *_reading(summary), *_options(options, summary)]
    return shlex.join([*words, "--out", f"{summary.name}.policy"])


def _reading(summary: Summary) -> Iterator[str]:
    """How the log was read; files are named without their folders."""
    reading = summary.provenance.get("reading")
    known = reading if isinstance(reading, Mapping) else {}
    for ours, theirs in (known.get("columns") or {}).items():
        yield from ("--column", f"{ours}={theirs}")
    for key in ("prices", "catalogue"):
        if key in known:
            yield from (f"--{key}", str(known[key]["file"]))


def _options(options: Mapping[str, Any], summary: Summary) -> Iterator[str]:
    if models := options.get("models"):
        yield from ("--models", ",".join(map(str, models)))
    for name in options.get("signals") or ():
        spec = summary.signals.get(name)
        known = spec is not None and spec.multiplier is not None
        yield from ("--signal", f"{name}:{spec.multiplier:g}" if spec and known else str(name))
    if (policy := options.get("policy", "cascade")) != "cascade":
        yield from ("--policy", str(policy))
    bounds = dict(options.get("bounds") or {})
    floors = bounds.pop("floors", None) or ()
    for key, value in bounds.items():
        if value is not None:
            yield from (f"--{key.replace('_', '-')}", f"{value:g}")
    for floor in floors:
        yield from ("--floor", f"{floor['by']}={floor['loss']:g}")
    for goal in options.get("certify") or ():
        of = f":{goal['reference']}" if goal.get("reference") else ""
        yield from ("--certify", f"{goal['goal']}={goal['bound']:g}{of}")
    if options.get("certify"):
        yield from ("--delta", f"{options['delta']:g}")
    for key in _PLAIN:
        if options.get(key) is not None:
            yield from (f"--{key}", str(options[key]))
    days = summary.provenance.get("simulated_days")
    if isinstance(days, Mapping):
        for key, name in _OF_DAYS.items():
            if days.get(name):
                yield from (f"--{key}", str(days[name]))
    if summary.seeds is not None:
        yield from ("--seeds", str(len(summary.seeds.runs)))
    if options.get("allow_missing"):
        yield "--allow-missing"
