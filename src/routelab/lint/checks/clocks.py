"""Clocks that disagree: times that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from routelab.lint.evidence import LogEvidence, by_model
from routelab.lint.finding import LintFinding

NAME = "clock-skew"
_DAY_S = 86_400.0
_FIRST_S = 1_262_304_000.0
"""2010, before which nobody called a language model."""

_FASTEST = 20_000.0
"""Tokens a second, which no endpoint gives to one request."""

_LEAST = 3


def clock_skew(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Times to come or long gone, turns before those they follow, answers faster than can be."""
    times = evidence.log.requests.timestamp_s
    if times is not None:
        odd = (times > evidence.now_s + _DAY_S) | (times < _FIRST_S)
        if odd.any():
            yield LintFinding(
                NAME,
                "error",
                "timestamps lie in the future, or before 2010",
                int(odd.sum()),
                "a split by time puts them into the wrong part, and prices are of another day",
                "mend the clock or the unit (`columns={'timestamp_ms': 'COLUMN'}`)",
                evidence.ids(odd),
            )
        yield from _turns(evidence)
    tokens, seconds = evidence.completion_tokens, evidence.latency_s
    with np.errstate(divide="ignore", invalid="ignore"):
        fast = (tokens > 16) & (tokens / seconds > _FASTEST) & ~evidence.error
    if (counts := fast.sum(axis=0)).sum() >= _LEAST:
        yield LintFinding(
            NAME,
            "error",
            f"answers came faster than {_FASTEST:,.0f} tokens a second:"
            f" {by_model(evidence.models, counts)}",
            int(counts.sum()),
            "latencies and what rests on them (deadlines, objectives of a simulation) are wrong",
            "take both times from one clock, a monotonic one; cached answers belong elsewhere",
            evidence.ids(np.asarray(fast.any(axis=1))),
        )


def _turns(evidence: LogEvidence) -> Iterator[LintFinding]:
    raw, times = evidence.raw, evidence.log.requests.timestamp_s
    group = evidence.log.requests.group
    if raw is None or times is None or group is None or "turn" not in raw.of:
        return
    column = evidence.written(raw.of["turn"])
    turn = np.array([_first_number(row) for row in column])
    order = np.lexsort((turn, group.astype(str)))
    same = group[order][1:] == group[order][:-1]
    back = same & (turn[order][1:] > turn[order][:-1]) & (times[order][1:] < times[order][:-1])
    if back.any():
        rows = np.zeros(len(times), dtype=np.bool_)
        rows[order[1:][back]] = True
        yield LintFinding(
            NAME,
            "error",
            "turns of a conversation are earlier than those that they follow",
            int(back.sum()),
            "a split by time sees the end of a conversation before its beginning",
            "write one clock's time of each request; that of the gateway, not of the callers",
            evidence.ids(rows),
        )


def _first_number(values: object) -> float:
    for it in values:  # type: ignore[attr-defined]
        if isinstance(it, int | float):
            return float(it)
    return np.nan
