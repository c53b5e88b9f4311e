"""The chapters of a report, one a file; each takes a summary and gives a chapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.reports.chapters.bounds import bounds_chapter
    from routelab.reports.chapters.certificate import certificate_chapter
    from routelab.reports.chapters.choice import choice_chapter
    from routelab.reports.chapters.deployments import deployments_chapter
    from routelab.reports.chapters.kinds import cut_short, kinds_chapter
    from routelab.reports.chapters.losses import losses_chapter
    from routelab.reports.chapters.objectives import FORMS, objectives_chapter
    from routelab.reports.chapters.opening import HeadlineFigure, Opening, opening_chapter
    from routelab.reports.chapters.scorers import scorers_chapter
    from routelab.reports.chapters.search import search_chapter
    from routelab.reports.chapters.seeds import seeds_chapter
    from routelab.reports.chapters.thresholds import signal, thresholds_chapter
    from routelab.reports.chapters.traffic import traffic_chapter
    from routelab.reports.chapters.trust import origin, trust_chapter
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "FORMS": "objectives",
            "HeadlineFigure": "opening",
            "Opening": "opening",
            "bounds_chapter": "bounds",
            "certificate_chapter": "certificate",
            "choice_chapter": "choice",
            "cut_short": "kinds",
            "deployments_chapter": "deployments",
            "kinds_chapter": "kinds",
            "losses_chapter": "losses",
            "objectives_chapter": "objectives",
            "opening_chapter": "opening",
            "origin": "trust",
            "scorers_chapter": "scorers",
            "search_chapter": "search",
            "seeds_chapter": "seeds",
            "signal": "thresholds",
            "thresholds_chapter": "thresholds",
            "traffic_chapter": "traffic",
            "trust_chapter": "trust",
        },
    )

__all__ = [
    "FORMS",
    "HeadlineFigure",
    "Opening",
    "bounds_chapter",
    "certificate_chapter",
    "choice_chapter",
    "cut_short",
    "deployments_chapter",
    "kinds_chapter",
    "losses_chapter",
    "objectives_chapter",
    "opening_chapter",
    "origin",
    "scorers_chapter",
    "search_chapter",
    "seeds_chapter",
    "signal",
    "thresholds_chapter",
    "traffic_chapter",
    "trust_chapter",
]
