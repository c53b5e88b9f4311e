"""A status as the page shows it: short lists of numbers, names and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from routelab.runtime.attempts import failure_classes
from routelab.runtime.metrics import MetricTotals, merged_totals
from routelab.serve.status.recent_decisions import DecisionSummary
from routelab.serve.status.report import StatusReport

DIGITS = 12
"""Of a policy's hash, as the page shows it."""


def page_data(report: StatusReport) -> dict[str, Any]:
    """What the page's script is sent; every text in it is shown as text."""
    names = _names(report)
    snapshot = report.metrics
    return {
        "version": report.version,
        "processes": report.processes,
        "at_s": snapshot.at_s,
        "since_s": snapshot.since_s,
        "draining": report.draining,
        "requests": {
            **_totals(snapshot.requests),
            "under_way": report.under_way,
            "waiting": snapshot.waiting,
            "escalation_rate": snapshot.escalation_rate,
            "degraded": snapshot.degraded,
            "retries": snapshot.retries,
            "statuses": dict(snapshot.statuses),
            "refused": _counted(report, "refused"),
            "reloads": _counted(report, "reloads"),
        },
        "policies": list(_policies(report)),
        "models": list(_models(report)),
        "spending": list(_spending(report, names)),
        "budgets": [
            {**msgspec.structs.asdict(it), "used": _share(it.limit_usd - it.left_usd, it.limit_usd)}
            for it in snapshot.budgets
        ],
        "alerts": [msgspec.structs.asdict(it) for it in reversed(snapshot.alerts)],
        "deployments": list(_deployments(report)),
        "decisions": [_decision(it, names) for it in report.decisions],
        "log": None if snapshot.log is None else msgspec.structs.asdict(snapshot.log),
    }


def _names(report: StatusReport) -> Mapping[str, str]:
    """Policies by their hash: the names that callers give, as several may have one policy."""
    found: dict[str, list[str]] = {}
    for it in report.policies:
        found.setdefault(it.digest, []).append(it.name)
    return {digest: ", ".join(dict.fromkeys(names)) for digest, names in found.items()}


def _policy_name(digest: str, names: Mapping[str, str]) -> str:
    """A name, or what is known of a policy that nobody names: a budget's cheaper one."""
    return names.get(digest, "(of a budget) " + digest[:DIGITS])


def _totals(it: MetricTotals) -> dict[str, Any]:
    return {
        "count": it.count,
        "errors": it.errors,
        "error_rate": it.error_rate,
        "usd": it.cost_usd,
        "usd_per_1k": it.usd_per_1k,
        "cost_unknown": it.cost_unknown,
        "p50": it.latency_s.p50,
        "p95": it.latency_s.p95,
        "p99": it.latency_s.p99,
        "first_p95": it.first_token_s.p95,
    }


def _policies(report: StatusReport) -> Iterator[dict[str, Any]]:
    decided: dict[str, list[MetricTotals]] = {}
    for it in report.spending:
        decided.setdefault(it.policy, []).append(it.totals)
    for one in sorted(report.policies, key=lambda it: (not it.served, it.model, it.name)):
        yield {
            "name": one.name,
            "digest": one.digest,
            "short": one.digest[:DIGITS],
            "kind": one.kind,
            "since_s": one.since_s,
            "served": one.served,
            "model": one.model,
            **_totals(merged_totals(decided.get(one.digest, []))),
        }


def _models(report: StatusReport) -> Iterator[dict[str, Any]]:
    quality = report.metrics.quality
    for name, it in sorted(report.metrics.models.items()):
        judged = quality.get(name)
        yield {
            "name": name,
            **_totals(it),
            "not_sent": it.not_sent,
            "quality": None if judged is None else judged.mean,
            "judged": 0 if judged is None else judged.count,
        }


def _spending(report: StatusReport, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Who spent most comes first."""
    total = report.metrics.requests.cost_usd
    for it in sorted(report.spending, key=lambda it: -it.totals.cost_usd):
        yield {
            "policy": _policy_name(it.policy, names),
            "digest": it.policy,
            "tenant": it.tenant,
            "share": _share(it.totals.cost_usd, total),
            **_totals(it.totals),
        }


def _deployments(report: StatusReport) -> Iterator[dict[str, Any]]:
    metrics, classes = report.metrics, failure_classes()
    for name in sorted({*metrics.breakers, *metrics.deployments}):
        totals = metrics.deployments.get(name)
        failures = metrics.failures.get(name, {})
        yield {
            "name": name,
            "breaker": metrics.breakers.get(name, ""),
            **_totals(totals or merged_totals([])),
            "failures": [
                {
                    "failure": failure,
                    "count": count,
                    "fault": classes[failure].fault if failure in classes else "",
                    "operator": failure in classes and classes[failure].warns,
                }
                for failure, count in sorted(failures.items(), key=lambda it: -it[1])
            ],
        }


def _decision(it: DecisionSummary, names: Mapping[str, str]) -> dict[str, Any]:
    fields = msgspec.structs.asdict(it)
    fields["policy"] = _policy_name(it.policy, names)
    fields["digest"] = it.policy
    fields["calls"] = [{**msgspec.structs.asdict(one), "words": one.words} for one in it.calls]
    return fields


def _counted(report: StatusReport, kind: str) -> dict[str, int]:
    return {labels[1]: count for labels, count in report.counts if labels[0] == kind}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0.0 else None
