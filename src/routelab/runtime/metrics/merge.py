"""The metrics of several processes as those of one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from routelab.runtime.journal import LogStatus
from routelab.runtime.metrics.histogram import NANO, Distribution, Histogram
from routelab.runtime.metrics.snapshot import (
    MetricTotals,
    QualityTotals,
    SignalCoverage,
    Snapshot,
)

_T = TypeVar("_T")


def merged(snapshots: Sequence[Snapshot]) -> Snapshot:
    """The metrics of routers in several processes, as if one had answered every request.

    Counts, costs and histograms are exact; budgets are those of the latest snapshot, as the
    processes share them. A breaker is that of whichever process has it open.

    Args:
        snapshots: at least one; of each process the latest.
    """
    latest = max(snapshots, key=lambda it: it.at_s)
    answered = sum(it.statuses.get("answered", 0) for it in snapshots)
    escalated = sum(it.escalated for it in snapshots)
    return Snapshot(
        since_s=min(it.since_s for it in snapshots),
        at_s=latest.at_s,
        requests=_totals([it.requests for it in snapshots]),
        statuses=_counts(it.statuses for it in snapshots),
        escalated=escalated,
        escalation_rate=escalated / answered if answered else None,
        cut_short=sum(it.cut_short for it in snapshots),
        degraded=sum(it.degraded for it in snapshots),
        retries=sum(it.retries for it in snapshots),
        queued_s=_distribution([it.queued_s for it in snapshots]),
        models=_by_name([it.models for it in snapshots], _totals),
        deployments=_by_name([it.deployments for it in snapshots], _totals),
        tenants=_by_name([it.tenants for it in snapshots], _totals),
        steps=_by_name([it.steps for it in snapshots], _totals),
        signals=_by_name(
            [it.signals for it in snapshots],
            lambda of_model: _by_name(of_model, _coverage),
        ),
        quality=_by_name([it.quality for it in snapshots], _quality),
        failures=_by_name([it.failures for it in snapshots], _counts),
        unmatched=sum(it.unmatched for it in snapshots),
        waiting=sum(it.waiting for it in snapshots),
        alerts=tuple(dict.fromkeys(alert for it in snapshots for alert in it.alerts)),
        budgets=latest.budgets,
        breakers=_by_name([it.breakers for it in snapshots], _breaker),
        unlike=_counts(it.unlike for it in snapshots),
        log=_log([it.log for it in snapshots if it.log is not None]),
    )


def _by_name(
    parts: Sequence[Mapping[str, _T]], merge: Callable[[Sequence[_T]], _T]
) -> dict[str, _T]:
    """Values of the same name together, in the order in which they first come."""
    found: dict[str, list[_T]] = {}
    for part in parts:
        for name, value in part.items():
            found.setdefault(name, []).append(value)
    return {name: merge(values) for name, values in found.items()}


def _counts(parts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def _totals(parts: Sequence[MetricTotals]) -> MetricTotals:
    count = sum(it.count for it in parts)
    errors = sum(it.errors for it in parts)
    priced = sum(it.cost_known for it in parts)
    usd = sum(round(it.cost_usd * NANO) for it in parts) / NANO
    return MetricTotals(
        count=count,
        errors=errors,
        not_sent=sum(it.not_sent for it in parts),
        error_rate=errors / count if count else None,
        cost_usd=usd,
        cost_known=priced,
        cost_unknown=sum(it.cost_unknown for it in parts),
        usd_per_1k=1000.0 * usd / priced if priced else None,
        latency_s=_distribution([it.latency_s for it in parts]),
        first_token_s=_distribution([it.first_token_s for it in parts]),
        input_tokens=_distribution([it.input_tokens for it in parts]),
        output_tokens=_distribution([it.output_tokens for it in parts]),
    )


def _distribution(parts: Sequence[Distribution]) -> Distribution:
    total = Histogram()
    for part in parts:
        total.merge_distribution(part)
    return total.distribution()


def _coverage(parts: Sequence[SignalCoverage]) -> SignalCoverage:
    return SignalCoverage(sum(it.answers for it in parts), sum(it.missing for it in parts))


def _quality(parts: Sequence[QualityTotals]) -> QualityTotals:
    """Means and squared deviations together (Chan, Golub, LeVeque 1983)."""
    count = sum(it.count for it in parts)
    mean = sum(it.mean * it.count for it in parts) / count
    if count < 2:
        return QualityTotals(count, mean, None)
    squares = sum(
        (it.standard_error or 0.0) ** 2 * it.count * (it.count - 1)
        + it.count * (it.mean - mean) ** 2
        for it in parts
    )
    return QualityTotals(count, mean, math.sqrt(squares / (count - 1) / count))


def _breaker(states: Sequence[str]) -> str:
    """The first that is not closed; closed where all are."""
    return next((it for it in states if it != "closed"), "closed")


def _log(parts: Sequence[LogStatus]) -> LogStatus | None:
    if not parts:
        return None
    return LogStatus(
        sum(it.written for it in parts),
        sum(it.queued for it in parts),
        sum(it.dropped for it in parts),
        next((it.error for it in parts if it.error is not None), None),
    )
