"""What a gateway's status is at one moment, as data; those of several processes add up to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import merge
from itertools import islice

import msgspec

from routelab.runtime.metrics import MetricTotals, Snapshot, merged_snapshots, merged_totals
from routelab.serve.status.recent_decisions import DecisionSummary


class PolicyStatus(msgspec.Struct, frozen=True):
    """A policy, by the name that callers give.

    Attributes:
        name: as `model` of a request has it.
        digest: SHA-256 of the policy.
        since_s: Unix seconds at which it was taken over; of a former one too.
        served: requests that name it are decided by it now.
        model: it is a model of the catalogue that callers may name.
        kind: of the policy.
    """

    name: str
    digest: str
    since_s: float
    served: bool
    model: bool
    kind: str


class SpendTotals(msgspec.Struct, frozen=True):
    """Requests of one tenant that one policy decided.

    Attributes:
        policy: SHA-256 of the policy.
        tenant: empty where nobody says.
    """

    policy: str
    tenant: str
    totals: MetricTotals


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the status page shows; JSON can carry it between processes.

    Attributes:
        version: of routelab.
        processes: that it is the status of.
        draining: told to stop.
        under_way: requests.
        metrics: of the routers.
        policies: those that are served, and former ones that decided something.
        spending: by policy and tenant.
        counts: of the gateway: labels, and how many.
        decisions: the latest first.
    """

    version: str
    processes: int = 1
    draining: bool
    under_way: int
    metrics: Snapshot
    policies: tuple[PolicyStatus, ...]
    spending: tuple[SpendTotals, ...]
    counts: tuple[tuple[tuple[str, ...], int], ...]
    decisions: tuple[DecisionSummary, ...]


def merged_reports(reports: Sequence[StatusReport]) -> StatusReport:
    """The status of processes that serve the same policies, as if they were one.

    Args:
        reports: at least one, each with requests that no other counts too.
    """
    spending: dict[tuple[str, str], list[MetricTotals]] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    policies: dict[tuple[str, str], PolicyStatus] = {}
    for it in reports:
        for one in it.spending:
            spending.setdefault((one.policy, one.tenant), []).append(one.totals)
        counts.update(dict(it.counts))
        for policy in it.policies:
            key = policy.name, policy.digest
            known = policies.get(key)
            if known is None or policy.since_s < known.since_s:
                policies[key] = policy
    latest = merge(*(it.decisions for it in reports), key=lambda it: it.at_s, reverse=True)
    return StatusReport(
        version=reports[0].version,
        processes=sum(it.processes for it in reports),
        draining=any(it.draining for it in reports),
        under_way=sum(it.under_way for it in reports),
        metrics=merged_snapshots([it.metrics for it in reports]),
        policies=tuple(policies.values()),
        spending=tuple(SpendTotals(*key, merged_totals(it)) for key, it in spending.items()),
        counts=tuple(sorted(counts.items())),
        decisions=tuple(islice(latest, max(len(it.decisions) for it in reports))),
    )
