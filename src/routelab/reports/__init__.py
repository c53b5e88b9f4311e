"""A study as a page to look at: nothing is computed here, only drawn and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.reports.render import render

if TYPE_CHECKING:
    from routelab.reports.day import render_day
    from routelab.reports.difference import render_difference
    from routelab.reports.render import Report
    from routelab.reports.source import broken_down, replayed, same_log, stored
    from routelab.reports.summary import Summary
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Report": "render",
            "Summary": "summary",
            "broken_down": "source",
            "render_day": "day",
            "render_difference": "difference",
            "replayed": "source",
            "same_log": "source",
            "stored": "source",
        },
    )

__all__ = [
    "Report",
    "Summary",
    "broken_down",
    "render",
    "render_day",
    "render_difference",
    "replayed",
    "same_log",
    "stored",
]
