"""Which kind of traffic a log holds, in words for cards: what a policy tuned on it was shown."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from routelab.core.messages import counted, first, listed
from routelab.logs.model import Log
from routelab.signals import script

SAMPLE = 1000
"""Prompts whose script is looked at, evenly over the log."""

_TOLD = 6
"""Names that are told of a column."""


def traffic(log: Log, candidates: Sequence[str], *, asked: bool) -> dict[str, str]:
    """The traffic of a log in a few lines, each under what it is about.

    Args:
        log: whole, as it was read.
        candidates: models that a study compared.
        asked: the candidates were named by the user, and not taken from the log.
    """
    found = {
        "requests": _requests(log),
        "texts": _texts(log),
        "scripts": _scripts(log),
        "tasks": _shares(log.requests.task, "no tasks are logged"),
        "period": _period(log),
        "models": _models(log, candidates, asked),
    }
    return {about: text for about, text in found.items() if text}


def _requests(log: Log) -> str:
    n = len(log)
    whole = int((~np.isnan(log.quality)).all(axis=1).sum())
    logged = "all with an outcome of every model" if whole == n else (
        f"{whole / n:.1%} with an outcome of every model, so how the others were chosen matters"
    )  # fmt: skip
    return f"{counted(n, 'request')}, {logged}"


def _texts(log: Log) -> str:
    if log.texts is None:
        return "no prompts are logged"
    keys, lengths = log.prompt_keys
    again = len(keys) - len(set(keys))
    typical, long = np.quantile(lengths, (0.5, 0.95))
    repeated = f"; {again / len(keys):.1%} repeat an earlier one" if again else ""
    beside = listed(sorted(log.message_kinds))
    said = f"messages with {beside}" if beside else "one prompt a request"
    return (
        f"{said}, half of them longer than {typical:,.0f} characters and 5 % longer"
        f" than {long:,.0f}{repeated}"
    )


def _scripts(log: Log) -> str:
    if log.texts is None or not len(log):
        return ""
    rows = np.unique(np.linspace(0, len(log) - 1, min(SAMPLE, len(log))).astype(np.int64))
    return _listed(map(script, log.texts.prompts(rows)), len(rows))


def _shares(column: Iterable[str] | None, otherwise: str) -> str:
    names = [str(it) for it in column] if column is not None else []
    return _listed((name or "unnamed" for name in names), len(names)) if any(names) else otherwise


def _listed(names: Iterable[str], n: int) -> str:
    """Names with their shares, the most frequent first, and equal ones by the alphabet."""
    ranked = sorted(Counter(names).items(), key=lambda it: (-it[1], it[0]))
    told = [f"{name[:40]} {count / n:.0%}" for name, count in ranked[:_TOLD]]
    more = f", and {len(ranked) - _TOLD:,} more" if len(ranked) > _TOLD else ""
    return f"{', '.join(told)}{more}"


def _period(log: Log) -> str:
    times = log.requests.timestamp_s
    if times is None or np.isnan(times).all():
        return "no timestamps are logged, so a drift would not show"
    start, end = (
        dt.datetime.fromtimestamp(float(it), dt.UTC).date().isoformat()
        for it in (np.nanmin(times), np.nanmax(times))
    )
    return start if start == end else f"{start} to {end}"


def _models(log: Log, candidates: Sequence[str], asked: bool) -> str:
    how = "named by the user" if asked else "all that are in the log"
    left = [name for name in log.models if name not in candidates]
    others = f"; not compared: {first(left, _TOLD)}" if left else ""
    return f"{first(list(candidates), _TOLD)}, {how}{others}"
