"""The chapter on losses and gains against the best single model, by slice."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.replay.breakdown import Slice
from routelab.reports import forms
from routelab.reports.blocks import Cell, Chapter, Gallery, Note, PlotBlock, TableBlock, Text
from routelab.reports.plots import points, whiskers_plot
from routelab.reports.summary import Summary

DRAWN, LISTED = 12, 60
"""Slices in the plot, and in the table of each kind."""


def losses_chapter(summary: Summary) -> Chapter:
    """The slices with the largest loss, whatever they have in common."""
    known = summary.breakdown
    if known is None or not known.slices:
        return Chapter("losses", "Where it loses", [Note("This data has no slices of requests.")])
    kinds = dict.fromkeys(it.by for it in known.slices)
    found = {kind: [it for it in known.slices if it.by == kind] for kind in kinds}
    told = {kind: slices for kind, slices in found.items() if len(slices) > 1} or found
    worst = sorted((it for slices in told.values() for it in slices), key=lambda it: -it.loss)
    tables = [_table(kind, slices) for kind, slices in told.items()]
    return Chapter(
        "losses",
        "Where it loses",
        [
            Text(
                "Loss is the best single model's quality minus the policy's, on the same requests."
                " Among many slices some intervals miss zero by chance: read them as hints."
            ),
            Gallery([_plot(worst[:DRAWN])]),
            *tables,
        ],
    )


def _plot(worst: Sequence[Slice]) -> PlotBlock:
    lines = [points(_named(it), it.loss, it.loss_ci) for it in worst]
    first = worst[0]
    alt = (
        f"The largest loss is {forms.points(first.loss)} points on {first.by}"
        f" {forms.short(first.value, 60)} ({forms.interval(forms.points, first.loss_ci)}),"
        f" {forms.count(first.n_requests)} requests."
    )
    sides = ("policy better", "best model better")
    return whiskers_plot(
        "losses", "The largest losses", alt, lines, sides, "points of quality", good=-1
    )


def _named(it: Slice) -> str:
    return it.value if it.by == "length" else f"{it.by} {it.value}"


def _table(kind: str, found: Sequence[Slice]) -> TableBlock:
    heads = (
        kind.capitalize(), "Requests", "Loss, points", "Quality", "Best model", "USD per 1,000",
        "Escalated", "Answered by",
    )  # fmt: skip
    rows = [_row(it) for it in found[:LISTED]]
    caption = f"By {kind}, largest loss first"
    return TableBlock(caption, heads, rows, words=(0, 7), total=len(found))


def _row(it: Slice) -> list[Cell]:
    return [
        Cell(forms.short(it.value, 80)),
        Cell(forms.count(it.n_requests), it.n_requests),
        Cell(forms.points(it.loss), it.loss, forms.interval(forms.points, it.loss_ci)),
        Cell(forms.quality(it.quality), it.quality),
        Cell(forms.quality(it.best_quality), it.best_quality),
        Cell(forms.usd(it.usd_per_1k), it.usd_per_1k),
        Cell(forms.share(it.escalation_rate), it.escalation_rate),
        Cell(_answered(it)),
    ]


def _answered(it: Slice) -> str:
    """The models that answer most, at most three."""
    most = sorted(it.model_share.items(), key=lambda pair: -pair[1])
    shown = [
        f"{forms.short(name, 30)} {forms.whole_share(part)}" for name, part in most if part > 0
    ]
    return ", ".join(shown[:3])
