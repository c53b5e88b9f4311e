"""Who spends what: requests, times and money by policy and tenant."""

from __future__ import annotations

import math

from routelab.runtime import FinishedRequest
from routelab.runtime.metrics import Meter, MetricTotals

OTHER = "other"
"""Stands for the tenants beyond the cap."""
_MOST = 1_000
"""Pairs of policy and tenant with totals of their own."""


class Attribution:
    """Adds finished requests up by the policy that decided them and the tenant who asked.

    Args:
        most: pairs with totals of their own; later tenants of a policy share one.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._meters: dict[tuple[str, str], Meter] = {}

    def finished(self, finished: FinishedRequest) -> None:
        """Count a request."""
        key = finished.policy, finished.request.tenant
        meter = self._meters.get(key)
        if meter is None:
            if len(self._meters) >= self._most:
                key = finished.policy, OTHER
            meter = self._meters.setdefault(key, Meter())
        cancelled = finished.status == "cancelled"
        failed = finished.answer is None and not cancelled
        meter.took(math.nan if cancelled else finished.latency_s, failed)
        meter.cost_usd(finished.cost_usd)

    def totals(self) -> dict[tuple[str, str], MetricTotals]:
        """By SHA-256 of the policy, and tenant."""
        return {key: meter.totals() for key, meter in self._meters.items()}
