"""Operations metrics: what a router does, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.metrics.counter import RouterMetrics
    from routelab.runtime.metrics.histogram import Distribution, Histogram
    from routelab.runtime.metrics.merge import (
        merged_distributions,
        merged_snapshots,
        merged_totals,
    )
    from routelab.runtime.metrics.meter import Meter
    from routelab.runtime.metrics.prometheus import prometheus_text
    from routelab.runtime.metrics.snapshot import MetricTotals, QualityTotals, Snapshot
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Distribution": "histogram",
            "Histogram": "histogram",
            "Meter": "meter",
            "MetricTotals": "snapshot",
            "QualityTotals": "snapshot",
            "RouterMetrics": "counter",
            "Snapshot": "snapshot",
            "merged_distributions": "merge",
            "merged_snapshots": "merge",
            "merged_totals": "merge",
            "prometheus_text": "prometheus",
        },
    )

__all__ = [
    "Distribution",
    "Histogram",
    "Meter",
    "MetricTotals",
    "QualityTotals",
    "RouterMetrics",
    "Snapshot",
    "merged_distributions",
    "merged_snapshots",
    "merged_totals",
    "prometheus_text",
]
