"""Metrics of several processes as those of one: sums are sums, quantiles those of all values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from routelab.runtime.budgets import BudgetBalance
from routelab.runtime.journal import LogStatus
from routelab.runtime.metrics.histogram import Distribution, Histogram
from routelab.runtime.metrics.snapshot import MetricTotals, QualityTotals, SignalCoverage, Snapshot

_T = TypeVar("_T")
_WORST = ("closed", "half-open", "open")
_ALERTS = 100


def merged_distributions(distributions: Iterable[Distribution]) -> Distribution:
    """The distribution of all values together; quantiles are as exact as those of each."""
    total = Histogram()
    for it in distributions:
        total.include(it)
    return total.distribution()


def merged_totals(totals: Sequence[MetricTotals]) -> MetricTotals:
    """Totals over everything that was counted."""
    count, errors = sum(it.count for it in totals), sum(it.errors for it in totals)
    usd, known = sum(it.cost_usd for it in totals), sum(it.cost_known for it in totals)
    return MetricTotals(
        count=count,
        errors=errors,
        not_sent=sum(it.not_sent for it in totals),
        error_rate=errors / count if count else None,
        cost_usd=usd,
        cost_unknown=sum(it.cost_unknown for it in totals),
        usd_per_1k=1000.0 * usd / known if known else None,
        latency_s=merged_distributions(it.latency_s for it in totals),
        first_token_s=merged_distributions(it.first_token_s for it in totals),
        input_tokens=merged_distributions(it.input_tokens for it in totals),
        output_tokens=merged_distributions(it.output_tokens for it in totals),
        cost_known=known,
    )


def merged_snapshots(snapshots: Sequence[Snapshot]) -> Snapshot:
    """The metrics of processes that share their budgets, as if one had done all the work.

    Args:
        snapshots: at least one, each with metrics that no other counts too. A budget is one
            account that all of them report; the one that shows most spent is the latest.
    """
    statuses = _counts([it.statuses for it in snapshots])
    escalated, answered = sum(it.escalated for it in snapshots), statuses.get("answered", 0)
    alerts = sorted({it for one in snapshots for it in one.alerts}, key=lambda it: it.spent_usd)
    return Snapshot(
        since_s=min(it.since_s for it in snapshots),
        at_s=max(it.at_s for it in snapshots),
        requests=merged_totals([it.requests for it in snapshots]),
        statuses=statuses,
        escalated=escalated,
        escalation_rate=escalated / answered if answered else None,
        cut_short=sum(it.cut_short for it in snapshots),
        degraded=sum(it.degraded for it in snapshots),
        retries=sum(it.retries for it in snapshots),
        queued_s=merged_distributions(it.queued_s for it in snapshots),
        models=_by_name([it.models for it in snapshots], merged_totals),
        deployments=_by_name([it.deployments for it in snapshots], merged_totals),
        tenants=_by_name([it.tenants for it in snapshots], merged_totals),
        steps=_by_name([it.steps for it in snapshots], merged_totals),
        signals=_by_name([it.signals for it in snapshots], _coverage),
        quality=_by_name([it.quality for it in snapshots], _quality),
        failures=_by_name([it.failures for it in snapshots], _counts),
        unmatched=sum(it.unmatched for it in snapshots),
        waiting=sum(it.waiting for it in snapshots),
        alerts=tuple(alerts[-_ALERTS:]),
        budgets=_budgets([it.budgets for it in snapshots]),
        breakers=_by_name([it.breakers for it in snapshots], _worst),
        unlike=_counts([it.unlike for it in snapshots]),
        log=_log([it.log for it in snapshots if it.log is not None]),
    )


def _by_name(
    groups: Sequence[Mapping[str, _T]], merge: Callable[[Sequence[_T]], _T]
) -> dict[str, _T]:
    names = dict.fromkeys(name for group in groups for name in group)
    return {name: merge([group[name] for group in groups if name in group]) for name in names}


def _counts(groups: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return dict(_by_name(groups, sum))


def _coverage(of_model: Sequence[Mapping[str, SignalCoverage]]) -> dict[str, SignalCoverage]:
    return _by_name(
        of_model,
        lambda found: SignalCoverage(
            sum(it.answers for it in found), sum(it.missing for it in found)
        ),
    )


def _quality(parts: Sequence[QualityTotals]) -> QualityTotals:
    """Mean and its standard error of all judgements: those in the parts, and between them."""
    count = sum(it.count for it in parts)
    mean = sum(it.count * it.mean for it in parts) / count
    squares = sum(
        (it.standard_error or 0.0) ** 2 * it.count * (it.count - 1)
        + it.count * (it.mean - mean) ** 2
        for it in parts
    )
    error = math.sqrt(squares / (count - 1) / count) if count > 1 else None
    return QualityTotals(count, mean, error)


def _worst(states: Sequence[str]) -> str:
    return max(states, key=_WORST.index)


def _budgets(groups: Sequence[Sequence[BudgetBalance]]) -> tuple[BudgetBalance, ...]:
    found: dict[str, BudgetBalance] = {}
    for it in (one for group in groups for one in group):
        before = found.get(it.account)
        if before is None or (it.period, it.spent_usd) > (before.period, before.spent_usd):
            found[it.account] = it
    return tuple(found[name] for name in sorted(found))


def _log(parts: Sequence[LogStatus]) -> LogStatus | None:
    if not parts:
        return None
    return LogStatus(
        written=sum(it.written for it in parts),
        queued=sum(it.queued for it in parts),
        dropped=sum(it.dropped for it in parts),
        error=next((it.error for it in parts if it.error), None),
    )
