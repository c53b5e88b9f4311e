"""Counts of one kind of thing: all requests, a model's calls, a deployment's attempts."""

from __future__ import annotations

from routelab.runtime.metrics.histogram import NANO, Histogram
from routelab.runtime.metrics.snapshot import MetricTotals


class Meter:
    """Adds up; costs in nano-dollars, so that sums are exact in any order."""

    __slots__ = (
        "cost",
        "count",
        "errors",
        "first_token",
        "input_tokens",
        "latency",
        "not_sent",
        "output_tokens",
        "priced",
        "unknown",
    )

    def __init__(self) -> None:
        self.count = self.errors = self.cost = self.priced = self.unknown = 0
        self.not_sent = 0
        self.latency = Histogram()
        self.first_token = Histogram()
        self.input_tokens = Histogram()
        self.output_tokens = Histogram()

    def took(self, latency_s: float, failed: bool) -> None:
        """One more, and how long it took unless it failed."""
        self.count += 1
        if failed:
            self.errors += 1
        else:
            self.latency.add(latency_s)

    def cost_usd(self, usd: float) -> None:
        """What one cost; NaN is counted as unknown."""
        if usd == usd:
            self.cost += int(usd * NANO + 0.5)
            self.priced += 1
        else:
            self.unknown += 1

    def totals(self) -> MetricTotals:
        usd = self.cost / NANO
        return MetricTotals(
            count=self.count,
            errors=self.errors,
            not_sent=self.not_sent,
            error_rate=self.errors / self.count if self.count else None,
            cost_usd=usd,
            cost_known=self.priced,
            cost_unknown=self.unknown,
            usd_per_1k=1000.0 * usd / self.priced if self.priced else None,
            latency_s=self.latency.distribution(),
            first_token_s=self.first_token.distribution(),
            input_tokens=self.input_tokens.distribution(),
            output_tokens=self.output_tokens.distribution(),
        )
