"""Names of the library's arguments, as flags of a command line."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Mapping
from functools import partial

FLAGS: Mapping[str, str] = {
    "Options.name": "--out",
    "Router.route.id": "--id",
    "Router.signals": "--source",
    "SloDemands.trials": "--simulated-trials",
    "account=False": "--no-account",
    "add": "--add",
    "allow_missing": "--allow-missing",
    "arrivals": "--arrivals",
    "by": "--by",
    "catalogue": "--catalogue",
    "certify": "--certify",
    "columns": "--column",
    "delta": "--delta",
    "drop": "--drop",
    "duration_s": "--duration",
    "floors": "--floor",
    "fresh": "--fresh",
    "group": "--group",
    "latency": "--latency",
    "levels": "--levels",
    "max_p95_s": "--max-p95-s",
    "max_usd_per_1k": "--max-usd-per-1k",
    "min_quality": "--min-quality",
    "min_quality_share": "--min-quality-share",
    "models": "--models",
    "objectives": "--slo",
    "out": "--out",
    "packages": "--package",
    "pair": "--pair",
    "part": "--split",
    "policy": "--policy",
    "port": "--port",
    "price": "--price",
    "prices": "--prices",
    "processes": "--processes",
    "recipe_trials": "--recipe-trials",
    "requests": "--requests",
    "sampler": "--sampler",
    "seed": "--seed",
    "seeds": "--seeds",
    "signals": "--signal",
    "storage": "--storage",
    "trials": "--trials",
    "version": "--version",
    "workers": "--executor",
}
"""Arguments that sentences of the library name, and the options that give them."""

ROUTED = {name: flag for name, flag in FLAGS.items() if name.startswith("Router.")}
"""The same of what a replay server says; words of other endpoints stay theirs."""

_MULTIPLIER = re.compile(r"'([^']+)': SignalSpec\(multiplier=([\d.]+)\)")
_ARGUMENT = re.compile(r"`([A-Za-z_][\w.]*)(?:=([^`]+))?`")


def with_flags(text: str, flags: Mapping[str, str] = FLAGS) -> str:
    """A sentence of the library for somebody at a terminal.

    The library puts arguments between backticks, as they are written in Python: `trials`,
    `policy='auto'`, `columns={'prompt': 'ask'}`, `packages=['acme']`,
    `signals={'sure': SignalSpec(multiplier=3)}`. Here they become `--trials`, `--policy auto`,
    `--column prompt=ask`, `--package acme` and `--signal sure:3`; what is no argument of a
    command stays as it is.
    """
    return _ARGUMENT.sub(partial(_flag, flags), text)


def _flag(flags: Mapping[str, str], found: re.Match[str]) -> str:
    name, written = found.groups()
    flag = flags.get(f"{name}={written}") or flags.get(name)
    if flag is None:
        return found[0]
    values = [] if written is None else _values(written)
    return " ".join(f"{flag} {value}" for value in values) if values else flag


def _values(written: str) -> list[str]:
    """What follows the flag, once for each time it is given; none where it is a switch."""
    if signals := _MULTIPLIER.findall(written):
        return [f"{name}:{multiplier}" for name, multiplier in signals]
    try:
        value = literal_eval(written)
    except (SyntaxError, ValueError):
        return [written]
    if isinstance(value, bool):
        return []
    if isinstance(value, dict):
        return [f"{ours}={theirs}" for ours, theirs in value.items()]
    return [str(it) for it in value] if isinstance(value, list) else [str(value)]
