"""Service level objectives: what must hold, and whether it did."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from routelab.core import Bools, Floats
from routelab.core.catalogue import parse_tables
from routelab.errors import SimulationError
from routelab.simulate.day import Day
from routelab.stats import mean_interval, proportion_interval, quantile_interval


class Objectives(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds on a group of requests; None where there is none.

    Attributes:
        p50_latency_s, p95_latency_s, p99_latency_s: of answered requests, from arrival to the
            complete answer.
        usd_per_1k: of all requests, failed ones included.
        quality: mean; a request without an answer has 0.
        error_rate: share of requests without an answer.
    """

    p50_latency_s: float | None = None
    p95_latency_s: float | None = None
    p99_latency_s: float | None = None
    usd_per_1k: float | None = None
    quality: float | None = None
    error_rate: float | None = None


class Slo(Objectives, frozen=True, forbid_unknown_fields=True):
    """Service level objectives, overall and for parts of the traffic.

    Attributes:
        model, tenant, priority: objectives by name of the answering model, tenant or priority.
    """

    model: Mapping[str, Objectives] = msgspec.field(default_factory=dict)
    tenant: Mapping[str, Objectives] = msgspec.field(default_factory=dict)
    priority: Mapping[str, Objectives] = msgspec.field(default_factory=dict)


class CheckedObjective(msgspec.Struct, frozen=True):
    """A service level objective, and the figure it is held against.

    Attributes:
        where: "all", or for example "model small-8b".
        objective: its name in the file.
        bound: demanded.
        value: measured.
        interval: 95 %, as if requests were independent of each other; on a day with a fault they
            are not, so it is too narrow then.
        holds: whether the value keeps the bound.
        n: requests it is measured on.
    """

    where: str
    objective: str
    bound: float
    value: float
    interval: tuple[float, float]
    holds: bool
    n: int


class SloMeasurement(NamedTuple):
    """A value, its 95 % interval, and on how many requests it rests."""

    value: float
    interval: tuple[float, float]
    n: int


def parse(text: str, source: str) -> Slo:
    """Objectives from the text of their TOML file.

    Raises:
        SimulationError: not TOML, an unknown objective, no objective, or a bound that makes no
            sense; every problem at once where the file can be read.
    """
    try:
        slo = msgspec.convert(parse_tables(text, source, SimulationError), Slo)
    except msgspec.ValidationError as error:
        raise SimulationError(f"{source}: {error}") from error
    bounds = list(_bounds(slo))
    problems = [
        f"{source}: {where}: {name} = {bound:g}: it must be finite and not negative"
        for where, _, _, name, bound in bounds
        if not 0.0 <= bound < math.inf
    ]
    if not bounds:
        known = ", ".join(Objectives.__struct_fields__)
        problems.append(f"{source}: no objective; there are {known}")
    if problems:
        raise SimulationError(*problems)
    return slo


def check(slo: Slo, day: Day, source: str) -> list[CheckedObjective]:
    """Every objective held against a day.

    Raises:
        SimulationError: an objective on something without traffic, or on latency or quality that
            was never observed: it cannot pass.
    """
    found, problems = [], []
    for where, field, key, name, bound in _bounds(slo):
        rows = _rows(day, field, key)
        if not rows.any():
            problems.append(f"{source}: {where}: no request of the simulated day is of it")
            continue
        measured = _MEASURES[name](day, rows)
        if measured is None or math.isnan(measured.value):
            why = "no request was answered" if not (rows & day.answered).any() else "never observed"
            problems.append(f"{source}: {where}: {name}: {why}, so it cannot be judged")
            continue
        holds = measured.value >= bound if name == "quality" else measured.value <= bound
        found.append(
            CheckedObjective(
                where, name, bound, measured.value, measured.interval, holds, measured.n
            )
        )
    if problems:
        raise SimulationError(*problems)
    return found


def _bounds(slo: Slo) -> Iterator[tuple[str, str, str, str, float]]:
    """Where in words, the field and key of a group, the objective and its bound."""
    groups: list[tuple[str, str, str, Objectives]] = [("all", "", "", slo)]
    for field in ("model", "tenant", "priority"):
        groups += [(f"{field} {key}", field, key, it) for key, it in getattr(slo, field).items()]
    for where, field, key, objectives in groups:
        for name in Objectives.__struct_fields__:
            if (bound := getattr(objectives, name)) is not None:
                yield where, field, key, name, bound


def _rows(day: Day, field: str, key: str) -> Bools:
    if not field:
        return np.ones(len(day), dtype=np.bool_)
    return np.asarray(getattr(day, field) == key)


def _latency(q: float) -> Callable[[Day, Bools], SloMeasurement | None]:
    def measure(day: Day, rows: Bools) -> SloMeasurement | None:
        if not day.latency_known:
            return None
        seen = np.sort(day.latency_s[rows & day.answered])
        if not len(seen):
            return None
        low, high = quantile_interval(seen, q)
        return SloMeasurement(float(np.quantile(seen, q)), (low, high), len(seen))

    return measure


def _mean(values: Callable[[Day], Floats]) -> Callable[[Day, Bools], SloMeasurement]:
    def measure(day: Day, rows: Bools) -> SloMeasurement:
        seen = values(day)[rows]
        return SloMeasurement(math.fsum(seen) / len(seen), mean_interval(seen), len(seen))

    return measure


def _error_rate(day: Day, rows: Bools) -> SloMeasurement:
    n, failed = int(rows.sum()), int((rows & ~day.answered).sum())
    return SloMeasurement(failed / n, proportion_interval(failed, n), n)


_MEASURES: Mapping[str, Callable[[Day, Bools], Any]] = {
    "p50_latency_s": _latency(0.50),
    "p95_latency_s": _latency(0.95),
    "p99_latency_s": _latency(0.99),
    "usd_per_1k": _mean(lambda day: 1000.0 * day.cost_usd),
    "quality": _mean(lambda day: day.quality),
    "error_rate": _error_rate,
}


def failed(checked: Sequence[CheckedObjective]) -> bool:
    """Whether any objective was missed."""
    return any(not it.holds for it in checked)
