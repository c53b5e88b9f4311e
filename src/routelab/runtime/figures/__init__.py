"""Operations figures: what a router does, in constant memory."""

from routelab.runtime.figures.figures import Figures
from routelab.runtime.figures.histogram import Distribution, Histogram
from routelab.runtime.figures.prometheus import prometheus_text
from routelab.runtime.figures.snapshot import Figure, Quality, Snapshot

__all__ = [
    "Distribution",
    "Figure",
    "Figures",
    "Histogram",
    "Quality",
    "Snapshot",
    "prometheus_text",
]
