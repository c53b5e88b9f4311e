"""A study as a page to look at: nothing is computed here, only drawn and told."""

from routelab.reports.render import Report, render
from routelab.reports.source import broken_down, replayed, same_log, stored
from routelab.reports.summary import Summary

__all__ = ["Report", "Summary", "broken_down", "render", "replayed", "same_log", "stored"]
