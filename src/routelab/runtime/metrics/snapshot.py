"""The metrics of a router at one moment, as data that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.runtime.budgets import Alert, BudgetBalance
from routelab.runtime.journal import LogStatus
from routelab.runtime.metrics.histogram import Distribution


class MetricTotals(msgspec.Struct, frozen=True):
    """Totals over requests, calls or attempts.

    Attributes:
        count: of requests (all, by tenant), calls (by model, by step) or attempts (by deployment).
        errors: of those; what was cancelled is none.
        not_sent: calls besides, by model and by step, that ended before anything was sent: a
            budget refused them, no deployment took them, or they were cancelled before.
        error_rate: None without any.
        cost_usd: known costs; `cost_known` counts those whose cost is known, `cost_unknown` the
            others.
        usd_per_1k: mean of the known costs, times 1,000.
        latency_s: of those without an error.
        first_token_s: from the request, the call or the attempt, where its answer was streamed.
        input_tokens, output_tokens: of each attempt, by model.
    """

    count: int
    errors: int
    not_sent: int
    error_rate: float | None
    cost_usd: float
    cost_known: int
    cost_unknown: int
    usd_per_1k: float | None
    latency_s: Distribution
    first_token_s: Distribution
    input_tokens: Distribution
    output_tokens: Distribution


class QualityTotals(msgspec.Struct, frozen=True):
    """Quality of the answers of a model that were judged.

    Attributes:
        count: judgements.
        mean: quality in [0, 1].
        standard_error: of the mean; None for fewer than two.
    """

    count: int
    mean: float
    standard_error: float | None


class SignalCoverage(msgspec.Struct, frozen=True):
    """How often a model's answers had a signal that was needed.

    Attributes:
        answers: of calls that needed it.
        missing: of them, those without a value; policies escalate those.
    """

    answers: int
    missing: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Operations metrics since the router began.

    Attributes:
        requests: totals over all requests.
        models, deployments: totals over calls by model, and over attempts by deployment.
        since_s, at_s: Unix seconds.
        statuses: requests by how they ended (see `routelab.core.storage.record.Status`).
        escalated: answered requests for which calls were made in more than one turn;
            `escalation_rate` is their share of the answered.
        cut_short: answered requests whose last call could not be sent, by a budget's refusal or
            for want of a deployment, so that an earlier answer was delivered.
        degraded: requests that a budget had decided by the cheaper policy.
        retries: attempts after the first of a sample.
        waiting: calls that wait for a free place now.
        queued_s: seconds that attempts waited for a free place, where that was 1 ms or more.
        steps: by turn, from 0.
        tenants: by name, the latecomers together as "other".
        signals: by model and signal.
        failures: attempts that failed, by deployment and class of failure, which
            `routelab.runtime.attempts.failure_classes` lists with whose fault it is.
        quality: by model, of the answers that were judged.
        unmatched: judgements of requests that are not remembered any more.
        alerts: of budgets, the latest last.
        budgets: what is left of each.
        breakers: by deployment, "closed", "open" or "half-open".
        unlike: requests by what their messages hold and those of the policy's log did not, such
            as "image": what is decided on them was not measured.
        log: how the decision log is doing; None without one.
    """

    since_s: float
    at_s: float
    requests: MetricTotals
    statuses: Mapping[str, int]
    escalated: int
    escalation_rate: float | None
    cut_short: int
    degraded: int
    retries: int
    queued_s: Distribution
    models: Mapping[str, MetricTotals]
    deployments: Mapping[str, MetricTotals]
    tenants: Mapping[str, MetricTotals]
    steps: Mapping[str, MetricTotals]
    signals: Mapping[str, Mapping[str, SignalCoverage]]
    quality: Mapping[str, QualityTotals]
    failures: Mapping[str, Mapping[str, int]] = {}
    unmatched: int = 0
    waiting: int = 0
    alerts: tuple[Alert, ...] = ()
    budgets: tuple[BudgetBalance, ...] = ()
    breakers: Mapping[str, str] = {}
    unlike: Mapping[str, int] = {}
    log: LogStatus | None = None

    def to_json(self) -> str:
        """JSON, for a status page."""
        return msgspec.json.encode(self).decode()

    def with_state(self, **fields: Any) -> Snapshot:
        """The same metrics with the state of budgets, breakers or the log.

        Args:
            fields: by name, in place of what is there.
        """
        return msgspec.structs.replace(self, **fields)
