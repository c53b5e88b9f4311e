"""The chapter on the randomised search: was it worth its time, and which parameters mattered?"""

from __future__ import annotations

from routelab.reports import forms
from routelab.reports.blocks import Chapter, Gallery, PlotBlock, Text
from routelab.reports.plots import parameter_importance_plot, progress_plot
from routelab.reports.summary import SearchProgress, Summary


def search_chapter(summary: Summary) -> Chapter | None:
    """Hypervolume over trials and the importance of parameters; None without a search."""
    found = summary.search
    if found is None or not found.hypervolume:
        return None
    plots: list[PlotBlock] = [progress_plot(found.hypervolume)]
    if found.importance:
        plots.append(parameter_importance_plot(found.importance))
    return Chapter("search", "The search", [Text(_reading(found)), Gallery(plots)])


def _reading(found: SearchProgress) -> str:
    first, last = found.hypervolume[0].hypervolume, found.hypervolume[-1].hypervolume
    added = 100 * (last - first)
    more = (
        f"added {added:.3g} points to it"
        if added > 0
        else "found nothing better, so the exactly tuned front stands"
    )
    kept = (
        ""
        if found.feasible == found.trials
        else f" {forms.count(found.feasible)} of them met every bound."
    )
    return (
        f"Thresholds were first tuned exactly: on the tune part that front dominates {first:.2%} of"
        " the box between nothing and the dearest model's cost, and quality 0 and 1."
        f" {forms.count(found.trials)} trials ({found.sampler}) began with it and {more}.{kept}"
    )
