"""The chapter on traffic: where requests and money go, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.replay.breakdown import Slice, StageUse
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, Gallery, Note, PlotBlock, TableBlock
from routelab.reports.plots import latency_plot, stages_plot
from routelab.reports.plots import traffic_plot as share_by_task
from routelab.reports.summary import Summary

TASKS = 12
"""Tasks in the plot, those with the most requests."""


def traffic_chapter(summary: Summary) -> Chapter:
    """Model share and escalation by task, cost by stage, latency."""
    known = summary.breakdown
    if known is None:
        why = Note("Where requests and money go is not part of this data.")
        return Chapter("traffic", "Requests, money, time", [why])
    tasks = [it for it in known.slices if it.by == "task"]
    tasks.sort(key=lambda it: (-it.n_requests, it.value))
    plots: list[PlotBlock] = []
    blocks: list[Block] = []
    if tasks:
        plots += [share_by_task(tasks[:TASKS], _answering(tasks))]
        if len(tasks) > TASKS:
            blocks += [Note(f"Drawn are the {TASKS} largest of {forms.count(len(tasks))} tasks.")]
    else:
        blocks += [Note("The log names no tasks.")]
    if known.stages:
        plots += [stages_plot(known.stages)]
    if known.latency is not None:
        plots += [latency_plot(known.latency)]
    else:
        blocks += [Note("Latency was not observed in this log, so none is shown.")]
    told = [_stages(known.stages)] if known.stages else []
    return Chapter("traffic", "Requests, money, time", [Gallery(plots), *blocks, *told])


def _answering(slices: Sequence[Slice]) -> list[str]:
    """Models that answer anything, in the candidates' order."""
    names = dict.fromkeys(name for it in slices for name in it.model_share)
    return [name for name in names if any(it.model_share.get(name, 0.0) > 0 for it in slices)]


def _stages(found: Sequence[StageUse]) -> TableBlock:
    heads = ("Model", "Asked", "Delivered", "USD per 1,000", "of that discarded")
    rows = [
        [
            Cell(forms.short(it.model, 80)),
            Cell(forms.count(it.calls), it.calls),
            Cell(forms.count(it.delivered), it.delivered),
            Cell(forms.usd(it.usd_per_1k), it.usd_per_1k),
            Cell(forms.usd(it.discarded_usd_per_1k), it.discarded_usd_per_1k),
        ]
        for it in found
    ]
    return TableBlock("Calls and cost by model", heads, rows)
