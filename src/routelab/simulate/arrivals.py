"""Arrival times of requests: as logged, as in a trace, or at random."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import SimulationError
from routelab.logs import arrival_trace
from routelab.logs.model import Log

DEFAULT_ARRIVALS = "poisson:5"
"""How requests arrive where nothing is said: five a second on average, at random moments."""

LEAST_PER_S, MOST_PER_S = 1e-6, 1e6
"""Bounds on RATE of `poisson:RATE`: from one request in twelve days to one each microsecond."""

STARTS_S = dt.datetime(2001, 1, 1, tzinfo=dt.UTC).timestamp()
"""Unix seconds at which days of undated requests begin: the first of a month, so that periods of
budgets begin with them."""


@dataclass(frozen=True, eq=False)
class Arrivals:
    """The requests of a simulated day: when each arrives, and which row of the log it is.

    Attributes:
        at_s: (k,) seconds from the first arrival, ascending.
        rows: (k,) which request of the log each is.
        nth: (k,) how often that request had come before.
        starts_s: Unix seconds of the first arrival, for whatever has dates.
    """

    at_s: Floats
    rows: Ints
    nth: Ints
    starts_s: float = STARTS_S

    def __len__(self) -> int:
        return len(self.at_s)

    @property
    def duration_s(self) -> float:
        return float(self.at_s[-1])


def arrivals(
    log: Log,
    spec: str = DEFAULT_ARRIVALS,
    *,
    seed: int = 0,
    rate: float = 1.0,
    requests: int | None = None,
    duration_s: float | None = None,
    starts_s: float | None = None,
) -> Arrivals:
    """Arrivals as a text specifies them.

    Args:
        log: whose requests arrive.
        seed: of random times and order.
        spec: `poisson:RATE`, RATE requests per second on average; `log`, each request at its own
            timestamp; or a trace `FILE` or `FILE:NAME`, a table with seconds in `arrival_s` or
            times in `timestamp`, of which only rows whose `task` or `dataset` is NAME count.
            Of a trace only the times are taken: requests come from the log in random order, each
            once before any comes again.
        rate: times as many requests a second.
        requests: how many at most; by default all of the log or trace.
        duration_s: none later than this; with `poisson` and no `requests` it decides how many.
        starts_s: Unix seconds of the first arrival; by default its timestamp with `log`, else
            midnight (UTC) of the log's first day, or of 2001-01-01 where it has no timestamps.
    Raises:
        SimulationError: a spec that cannot be read, a rate that is not positive or out of all
            proportion, a negative seed, arrivals that run backwards, or none at all.
    """
    problems = [
        f"{name} is {value}; it must be positive"
        for name, value in (("rate", rate), ("requests", requests), ("duration", duration_s))
        if value is not None and not 0 < value < math.inf
    ]
    if seed < 0:
        problems.append(f"`seed` is {seed}; it must not be negative")
    if problems:
        raise SimulationError(*problems)
    rng = np.random.default_rng([seed, 0])
    at_s, rows = _times(log, spec, rng, rate, requests, duration_s)
    at_s = at_s / rate
    keep = np.arange(len(at_s)) if duration_s is None else np.flatnonzero(at_s <= duration_s)
    keep = keep[:requests]
    if not len(keep):
        raise SimulationError(f"arrivals {spec}: no request arrives")
    if rows is None:
        rows = _drawn(len(log), len(keep), np.random.default_rng([seed, 1]))
    starts_s = _starts_s(log, spec) if starts_s is None else starts_s
    return Arrivals(at_s[keep], rows[: len(keep)], _nth(rows[: len(keep)]), starts_s)


def moment_s(text: str) -> float:
    """Unix seconds of a date or a time in the form of ISO 8601; without a zone it is UTC.

    Raises:
        SimulationError: it is neither.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise SimulationError(
            f"{text!r} is no date; write it as 2026-03-01 or 2026-03-01T09:30"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def _starts_s(log: Log, spec: str) -> float:
    times = log.requests.timestamp_s
    first_s = math.inf if times is None else float(times[np.isfinite(times)].min(initial=math.inf))
    try:
        first = dt.datetime.fromtimestamp(first_s, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return STARTS_S
    if spec == "log":
        return first_s
    return first.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _times(
    log: Log,
    spec: str,
    rng: np.random.Generator,
    rate: float,
    requests: int | None,
    duration_s: float | None,
) -> tuple[Floats, Ints | None]:
    """Seconds from the first arrival, and the requests where they come with their times."""
    if spec == "log":
        return _logged(log)
    kind, colon, value = spec.partition(":")
    if kind == "poisson" and colon:
        per_s = _number(spec, value)
        n = requests or len(log)
        if duration_s is not None and requests is None:
            expected = per_s * rate * duration_s
            n = math.ceil(expected + 10.0 * math.sqrt(expected) + 10.0)
        return np.cumsum(np.append(0.0, rng.exponential(1.0 / per_s, n - 1))), None
    return _traced(spec), None


def _number(spec: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise SimulationError(f"arrivals {spec}: {text!r} is no positive number of requests/s")
    if not LEAST_PER_S <= value <= MOST_PER_S:
        raise SimulationError(
            f"arrivals {spec}: {text} requests/s; give a rate in [{LEAST_PER_S:g}, {MOST_PER_S:g}]"
        )
    return value


def _logged(log: Log) -> tuple[Floats, Ints]:
    time = log.requests.timestamp_s
    if time is None or not np.isfinite(time).all():
        missing = "no timestamp" if time is None else "requests without a timestamp"
        raise SimulationError(
            f"{log.name}: arrivals 'log' need a time for each request, and it has {missing};"
            f" give another, for example `arrivals={DEFAULT_ARRIVALS!r}`"
        )
    order = np.argsort(time, kind="stable")
    return np.asarray(time[order] - time[order[0]]), order


def _traced(spec: str) -> Floats:
    path, name = _place(spec)
    times = arrival_trace(path, name)
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back):
        at = int(back[0]) + 1
        raise SimulationError(
            f"{path.name}: arrivals run backwards at row {at + 1} of those selected"
            f" ({times[at - 1]:g} s, then {times[at]:g} s); sort them by time"
        )
    return np.asarray(times - times[0])


def _place(spec: str) -> tuple[Path, str]:
    """A file, and which of its rows."""
    whole = Path(spec)
    if whole.exists():
        return whole, ""
    path, colon, name = spec.rpartition(":")
    if colon and Path(path).exists():
        return Path(path), name
    raise SimulationError(
        f"arrivals {spec}: no such file; give poisson:RATE, log, or the path of a trace"
    )


def _drawn(n: int, count: int, rng: np.random.Generator) -> Ints:
    """(count,) rows in random order, each once before any comes again."""
    rounds = [rng.permutation(n) for _ in range(-(-count // n))]
    return np.concatenate(rounds)[:count]


def _nth(rows: Ints) -> Ints:
    """(k,) how often each row stood earlier."""
    order = np.argsort(rows, kind="stable")
    same = rows[order]
    starts = np.flatnonzero(np.diff(same, prepend=-1))
    nth = np.empty(len(rows), dtype=np.int64)
    nth[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return nth
