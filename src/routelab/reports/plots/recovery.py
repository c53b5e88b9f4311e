"""A plot of the calls of the strong model that recover parts of its lead."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import MUTED, OURS, SOFT
from routelab.reports.labels import Label, place
from routelab.reports.learning_summary import RankingSummary

_COLOURS = (OURS, SOFT)


def recovery_plot(strong: str, ways: Sequence[tuple[str, RankingSummary]]) -> PlotBlock:
    """Shares of strong calls that recover half and four fifths of the gap (CPT), for each test."""
    alt = _alt(ways)
    svg = canvas.draw("recovered", canvas.NARROW, 290.0, lambda on: _paint(on, ways))
    title = f"Calls of {forms.short(strong, 24)} that recover its lead"
    return PlotBlock(title, alt, canvas.labelled(svg, alt))


def _alt(ways: Sequence[tuple[str, RankingSummary]]) -> str:
    told = [
        f"{name}: half of it by {forms.share(it.cpt50.value)} of the calls, four fifths by"
        f" {forms.share(it.cpt80.value)}"
        for name, it in ways
    ]
    return f"{'; '.join(told)}. Random routing needs 50% and 80%."


def _paint(on: Figure, ways: Sequence[tuple[str, RankingSummary]]) -> None:
    axes = on.subplots()
    on.subplots_adjust(left=0.12, right=0.94, top=0.90, bottom=0.17)
    axes.plot([0, 1], [0, 1], color=MUTED, ls=(0, (1, 2)), lw=1.6)
    names = [Label(0.62, 0.62, "random", MUTED, size=canvas.SMALL)]
    avoid = [(at / 40, at / 40) for at in range(41)]
    for (name, it), colour in zip(ways, _COLOURS, strict=False):
        known = [(one, share) for one, share in ((it.cpt50, 0.5), (it.cpt80, 0.8))
                 if one.value is not None]  # fmt: skip
        x = [0.0, *(one.value or 0.0 for one, _ in known), 1.0]
        y = [0.0, *(share for _, share in known), 1.0]
        axes.plot(x, y, color=colour, lw=1.2, ls=(0, (5, 2)), alpha=0.7, zorder=2)
        for one, share in known:
            if one.ci is not None:
                axes.plot(one.ci, [share, share], color=colour, lw=2.4, alpha=0.55, zorder=3)
        axes.plot(x[1:-1], y[1:-1], "o", ms=7.5, color=colour, mec=canvas.PAPER, mew=1.2, zorder=4)
        names.append(Label(x[1], y[1], name, colour, size=canvas.SMALL))
        avoid += list(zip(x, y, strict=True))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title("lead recovered", loc="left", fontsize=canvas.SMALL, color=MUTED, pad=6)
    axes.set_xlabel("share of calls that go to it")
    canvas.grid(axes)
    place(axes, names, avoid=avoid)
