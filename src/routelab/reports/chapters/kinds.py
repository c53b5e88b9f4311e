"""The chapter on kinds of policy: which were searched, and by how much the exported one leads."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.core.messages import known, wording
from routelab.reports import forms
from routelab.reports.blocks import Cell, Chapter, Gallery, PlotBlock, TableBlock, Text
from routelab.reports.learning_summary import KindSummary
from routelab.reports.plots import points, whiskers_plot
from routelab.reports.summary import Summary
from routelab.tuning.selection import TIE


def kinds_chapter(summary: Summary) -> Chapter | None:
    """The kinds of policy compared; None where only one was searched."""
    found = summary.kinds
    won = next((it for it in found if it.won), None)
    if won is None or len(found) < 2:
        return None
    return Chapter(
        "kinds",
        "Kinds of policy",
        [Text(_reading(won, found)), Gallery([_against(won, found)]), _table(won, found)],
    )


def _reading(won: KindSummary, found: Sequence[KindSummary]) -> str:
    return (
        f"{len(found)} kinds of policy were searched. {won.kind.capitalize()} was exported: the"
        f" area under its front (AIQ) is the greatest on folds of the tune part that the front was"
        f" not chosen on, or within {TIE:g} of it, and of such equals the simplest kind is taken."
        " On test it stands against the best policy of every other kind at the same cost."
    )


def _against(won: KindSummary, found: Sequence[KindSummary]) -> PlotBlock:
    lines = [
        points(it.kind, it.gain_behind, it.gain_behind_ci)
        for it in found
        if it.gain_behind is not None and it.gain_behind_ci is not None
    ]
    ahead = [line.name for line in lines if line.interval[0] > 0]
    behind = [line.name for line in lines if line.interval[1] < 0]
    alt = (
        f"Gain of {won.kind} over the zero router minus that of each other kind, on the same test"
        f" requests. Beyond chance it leads {wording.listed(ahead) or 'none'}"
        f"{f', and loses to {wording.listed(behind)}' if behind else ''}."
    )
    sides = ("the other is better", f"{forms.short(won.kind, 16)} is better")
    title = f"What {won.kind} gains over the other kinds"
    return whiskers_plot("kinds", title, alt, lines, sides, "points of quality")


def _table(won: KindSummary, found: Sequence[KindSummary]) -> TableBlock:
    heads = (
        "Kind, simplest first",
        "AIQ on tune",
        "AIQ held out",
        f"{won.kind.capitalize()} gains more, points",
    )
    return TableBlock("Kinds searched", heads, [_row(it) for it in found])


def _row(it: KindSummary) -> list[Cell]:
    named = f"{it.kind} (exported)" if it.won else it.kind
    behind = Cell(forms.NOTHING)
    if it.gain_behind is not None and it.gain_behind_ci is not None:
        ends = forms.interval(forms.points, it.gain_behind_ci)
        behind = Cell(forms.points(it.gain_behind), it.gain_behind, ends)
    aiq = Cell(known(it.aiq_tune, ".4f", otherwise=forms.NOTHING), it.aiq_tune)
    held = it.aiq_held_out
    fair = Cell(known(held, ".4f", otherwise=forms.NOTHING), held)
    return [Cell(named, strong=it.won), aiq, fair, behind]
