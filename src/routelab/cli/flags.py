"""Names of the library's arguments, as flags of a command line."""

from __future__ import annotations

import re
import shlex
import warnings
from ast import literal_eval
from collections.abc import Mapping, Sequence

FLAGS: Mapping[str, str] = {
    "Options.name": "--out",
    "SloDemands.trials": "--simulated-trials",
    "account=False": "--no-account",
    "returning=False": "--no-returning",
    "add": "--add",
    "allow_missing": "--allow-missing",
    "arrivals": "--arrivals",
    "at": "--at",
    "at_once": "--at-once",
    "bets": "--bets",
    "budget_s": "--budget",
    "by": "--by",
    "catalogue": "--catalogue",
    "certify": "--certify",
    "columns": "--column",
    "cost_ceiling_usd": "--cost-ceiling-usd",
    "days": "--days",
    "decisions": "--decisions",
    "delta": "--delta",
    "drop": "--drop",
    "dry_run": "--dry-run",
    "duration_s": "--duration",
    "fields": "--field",
    "floors": "--floor",
    "effect": "--effect",
    "epsilons": "--epsilon",
    "fresh": "--fresh",
    "group": "--group",
    "graders": "--grader",
    "host": "--host",
    "ignore": "--ignore",
    "latency": "--latency",
    "levels": "--levels",
    "largest_weight": "--largest-weight",
    "logged_by": "--logged-by",
    "looks": "--looks",
    "max_p95_s": "--max-p95-s",
    "max_tokens": "--max-tokens",
    "max_usd": "--max-usd",
    "max_usd_per_1k": "--max-usd-per-1k",
    "min_quality": "--min-quality",
    "min_quality_share": "--min-quality-share",
    "models": "--models",
    "objectives": "--slo",
    "out": "--out",
    "packages": "--package",
    "patience_s": "--patience",
    "pair": "--pair",
    "part": "--split",
    "per_day": "--per-day",
    "point": "--point",
    "policy": "--policy",
    "port": "--port",
    "power": "--power",
    "price": "--price",
    "prices": "--prices",
    "processes": "--processes",
    "propensity_fit": "--estimate-propensities",
    "quality_scale": "--quality-scale",
    "reads": "--reads",
    "reference": "--reference",
    "recipe_trials": "--recipe-trials",
    "replace=True": "--replace",
    "requests": "--requests",
    "retry=True": "--retry",
    "sampler": "--sampler",
    "seed": "--seed",
    "seeds": "--seeds",
    "signals": "--signal",
    "split": "--split",
    "storage": "--storage",
    "temperature": "--temperature",
    "trials": "--trials",
    "version": "--version",
    "workers": "--executor",
}
"""Arguments that sentences of the library name, and the options that give them."""

_LISTED = ("models", "ignore")
"""Arguments of which the values stand in one flag, with commas between."""

_LONGEST = 500
"""Characters of a value that may become flags: the library writes no longer ones."""

_SPEC = re.compile(r"""(['"])(.+?)\1: SignalSpec\(([^)]*)\)""")
_ARGUMENT = re.compile(rf"`([A-Za-z_][\w.]*)(?:=([^`]{{1,{_LONGEST}}}))?`")


def with_flags(text: str) -> str:
    """A sentence of the library for somebody at a terminal; it raises nothing, whatever the text.

    The library puts arguments between backticks, as they are written in Python: `trials`,
    `policy='auto'`, `columns={'prompt': 'ask'}`, `packages=['acme']`,
    `signals={'sure': SignalSpec(multiplier=3)}`. Here they become `--trials`, `--policy auto`,
    `--column prompt=ask`, `--package acme` and `--signal sure:3`, quoted as a shell needs it; what
    is no argument of a command, or is no value of Python's, stays as it is. Words of others enter
    sentences without backticks (`routelab.core.messages.foreign`).
    """
    return _ARGUMENT.sub(_flag, text)


def _flag(found: re.Match[str]) -> str:
    name, written = found.groups()
    flag = FLAGS.get(f"{name}={written}") or FLAGS.get(name)
    if flag is None:
        return found[0]
    if written is None or FLAGS.get(name) is None:
        return flag
    if written.isidentifier() and written not in ("True", "False", "None"):
        return f"{flag} {written}"  # which stands for a value: FILE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Python thinks of the words of others
        try:
            signals = [f"{name}{_suffix(said)}" for _, name, said in _SPEC.findall(written)]
            values: Sequence[str | None] = signals or _values(literal_eval(written))
            if name in _LISTED and len(values) > 1:
                values = [",".join(f'"{it}"' if "," in (it or "") else it or "" for it in values)]
        except (SyntaxError, TypeError, ValueError, MemoryError, RecursionError):
            return found[0]
    return (
        " ".join(flag if it is None else f"{flag} {shlex.quote(it)}" for it in values) or found[0]
    )


def _suffix(said: str) -> str:
    """What follows a signal's name, of the arguments of a SignalSpec."""
    given = dict(it.split("=", 1) for it in said.split(", ") if "=" in it)
    times = f":{given['multiplier']}" if "multiplier" in given else ""
    return f"{times}{':knowable' if given.get('knowable') == 'True' else ''}"


def _values(value: object) -> Sequence[str | None]:
    """What follows the flag, once for each time it is given; None where it is a switch."""
    match value:
        case bool():
            return [None]
        case dict():
            return [f"{ours}={theirs}" for ours, theirs in value.items()]
        case list() | tuple():
            return [str(one) for one in value]
    return [str(value)]
