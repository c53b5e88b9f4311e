"""Operations figures: what a router does, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.runtime.metrics.counter import RouterMetrics
from routelab.runtime.metrics.histogram import Distribution, Histogram
from routelab.runtime.metrics.snapshot import MetricTotals, QualityTotals, Snapshot

if TYPE_CHECKING:
    from routelab.runtime.metrics.prometheus import prometheus_text
else:
    __getattr__, __dir__ = attach(__name__, {"prometheus_text": "prometheus"})

__all__ = [
    "Distribution",
    "Histogram",
    "MetricTotals",
    "QualityTotals",
    "RouterMetrics",
    "Snapshot",
    "prometheus_text",
]
