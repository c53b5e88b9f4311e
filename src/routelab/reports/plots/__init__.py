"""The plots, one kind a file; each takes plain data and gives a plot with its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.reports.plots.deferral import deferral_plot
    from routelab.reports.plots.front import front_plot, models_plot
    from routelab.reports.plots.importance import importance_plot
    from routelab.reports.plots.latency import latency_plot
    from routelab.reports.plots.ranking import RankingLine, ranking_plot
    from routelab.reports.plots.recovery import recovery_plot
    from routelab.reports.plots.reliability import reliability_plot
    from routelab.reports.plots.search import parameter_importance_plot, progress_plot
    from routelab.reports.plots.stages import stages_plot
    from routelab.reports.plots.thresholds import threshold_plot
    from routelab.reports.plots.timeline import timeline_plot, windows
    from routelab.reports.plots.traffic import traffic_plot
    from routelab.reports.plots.whiskers import WhiskerLine, points, whiskers_plot
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "RankingLine": "ranking",
            "WhiskerLine": "whiskers",
            "deferral_plot": "deferral",
            "front_plot": "front",
            "importance_plot": "importance",
            "latency_plot": "latency",
            "models_plot": "front",
            "parameter_importance_plot": "search",
            "points": "whiskers",
            "progress_plot": "search",
            "ranking_plot": "ranking",
            "recovery_plot": "recovery",
            "reliability_plot": "reliability",
            "stages_plot": "stages",
            "threshold_plot": "thresholds",
            "timeline_plot": "timeline",
            "traffic_plot": "traffic",
            "whiskers_plot": "whiskers",
            "windows": "timeline",
        },
    )

__all__ = [
    "RankingLine",
    "WhiskerLine",
    "deferral_plot",
    "front_plot",
    "importance_plot",
    "latency_plot",
    "models_plot",
    "parameter_importance_plot",
    "points",
    "progress_plot",
    "ranking_plot",
    "recovery_plot",
    "reliability_plot",
    "stages_plot",
    "threshold_plot",
    "timeline_plot",
    "traffic_plot",
    "whiskers_plot",
    "windows",
]
