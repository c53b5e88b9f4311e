"""Operations metrics: what a router does, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.metrics.counter import RouterMetrics
    from routelab.runtime.metrics.histogram import Distribution, Histogram
    from routelab.runtime.metrics.merge import merged
    from routelab.runtime.metrics.prometheus import prometheus_text
    from routelab.runtime.metrics.snapshot import MetricTotals, QualityTotals, Snapshot
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Distribution": "histogram",
            "Histogram": "histogram",
            "MetricTotals": "snapshot",
            "QualityTotals": "snapshot",
            "RouterMetrics": "counter",
            "Snapshot": "snapshot",
            "merged": "merge",
            "prometheus_text": "prometheus",
        },
    )

__all__ = [
    "Distribution",
    "Histogram",
    "MetricTotals",
    "QualityTotals",
    "RouterMetrics",
    "Snapshot",
    "merged",
    "prometheus_text",
]
