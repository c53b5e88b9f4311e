"""Operations figures: what a router does, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.runtime.figures.figures import Figures
from routelab.runtime.figures.histogram import Distribution, Histogram
from routelab.runtime.figures.snapshot import Figure, Quality, Snapshot

if TYPE_CHECKING:
    from routelab.runtime.figures.prometheus import prometheus_text
else:
    __getattr__, __dir__ = attach(__name__, {"prometheus_text": "prometheus"})

__all__ = [
    "Distribution",
    "Figure",
    "Figures",
    "Histogram",
    "Quality",
    "Snapshot",
    "prometheus_text",
]
