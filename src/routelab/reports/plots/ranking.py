"""A plot of how well scorers rank requests, with intervals, around random routing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, MUTED, OURS
from routelab.reports.learning_summary import EstimateSummary

ROW = 22.0
_LEFT = 150.0
RANDOM = 0.5
"""APGR of routing at random."""


class RankingLine(NamedTuple):
    """A line of a plot of APGR.

    Attributes:
        name: of the scorer or baseline.
        apgr: with its interval; None makes the line a heading over those that follow.
        ours: a scorer of the study, not a baseline.
    """

    name: str
    apgr: EstimateSummary | None
    ours: bool = False


def ranking_plot(title: str, lines: Sequence[RankingLine]) -> PlotBlock:
    """APGR of scorers and baselines with intervals, in their order from the top."""
    height = ROW * len(lines) + 54.0
    alt = _alt(lines)
    svg = canvas.draw("ranking", canvas.NARROW, height, lambda on: _paint(on, lines))
    return PlotBlock(title, alt, canvas.labelled(svg, alt))


def _alt(lines: Sequence[RankingLine]) -> str:
    """The scorer and the best of the others, way by way."""
    told: list[str] = []
    ways: dict[str, list[RankingLine]] = {}
    for line in lines:
        if line.apgr is None:
            ways[line.name] = []
        else:
            ways[list(ways)[-1]].append(line)
    for way, found in ways.items():
        ours = next((forms.quality(it.apgr.value) for it in found if it.ours and it.apgr), "")
        rest = [it for it in found if not it.ours and it.apgr and it.apgr.value is not None]
        best = max(rest, key=lambda it: (it.apgr and it.apgr.value) or 0.0, default=None)
        beside = (
            ""
            if best is None or best.apgr is None
            else (f" ({forms.short(best.name, 24)} {forms.quality(best.apgr.value)})")
        )
        told.append(f"{way} {ours}{beside}")
    return f"Share of the gap recovered, beside the best without learning: {', '.join(told)}."


def _paint(on: Figure, lines: Sequence[RankingLine]) -> None:
    width, height = on.get_size_inches() * 72
    axes = on.add_axes((_LEFT / width, 40 / height, 1 - (_LEFT + 14) / width, 1 - 54 / height))
    axes.axvline(RANDOM, color=MUTED, ls=(0, (1, 2)), lw=1.4, zorder=2)
    for y, line in enumerate(lines):
        if line.apgr is not None and line.apgr.value is not None:
            _line(axes, y, line.apgr, ours=line.ours)
    axes.set_ylim(len(lines) - 0.4, -0.7)
    axes.set_yticks(range(len(lines)), [forms.short(line.name, 26) for line in lines])
    axes.tick_params(axis="y", pad=8)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_color(INK if line.ours or line.apgr is None else MUTED)
        label.set_fontweight("bold" if line.apgr is None else "normal")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3))
    axes.set_xlabel("APGR (dotted: random)")
    canvas.grid(axes, "x")
    axes.spines["left"].set_visible(False)


def _line(axes: Axes, y: int, it: EstimateSummary, *, ours: bool) -> None:
    """Filled for the scorer, hollow for what needs no learning."""
    colour = OURS if ours else MUTED
    if it.ci is not None:
        axes.plot(it.ci, [y, y], color=colour, lw=2.4, alpha=0.55, zorder=3)
    face = colour if ours else canvas.PAPER
    axes.plot([it.value or 0.0], [y], "o", ms=7, mfc=face, mec=colour, mew=1.5, zorder=4)
