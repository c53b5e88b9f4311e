"""A plot of the time until delivery."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from routelab.replay.breakdown import LatencyQuantiles
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, MUTED, OURS
from routelab.reports.labels import Label, place

MARKED = (0.5, 0.9, 0.95, 0.99)


def latency_plot(found: LatencyQuantiles) -> PlotBlock:
    """Cumulative share of requests delivered within a time in seconds."""
    alt = "Time to delivery: " + ", ".join(
        f"{share:.0%} within {forms.seconds(_at(found, share))}" for share in MARKED
    )
    svg = canvas.draw("latency", canvas.NARROW, 260.0, lambda on: _paint(on, found))
    return PlotBlock("How long it takes", f"{alt}.", canvas.labelled(svg, f"{alt}."))


def _at(found: LatencyQuantiles, share: float) -> float:
    return float(np.interp(share, found.quantiles, found.seconds))


def _paint(on: Figure, found: LatencyQuantiles) -> None:
    axes = on.subplots()
    on.subplots_adjust(left=0.12, right=0.94, top=0.90, bottom=0.19)
    axes.plot(found.seconds, found.quantiles, color=OURS, lw=2.2)
    axes.fill_between(found.seconds, 0, found.quantiles, color=OURS, alpha=0.08, lw=0)
    low, high = found.seconds[0], found.seconds[-1]
    if low > 0 and high > 100 * low:
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, max(high, 1e-9) * 1.04)
        axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(0, 1.06)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title("requests delivered", loc="left", fontsize=canvas.SMALL, color=MUTED, pad=6)
    axes.set_xlabel("within seconds")
    canvas.grid(axes)
    marks = [(_at(found, share), share) for share in MARKED]
    axes.plot(*zip(*marks, strict=True), "o", color=OURS, ms=7.5, mec=canvas.PAPER, mew=1.4)
    names = [
        Label(x, y, f"P{100 * y:g}  {forms.seconds(x)}", INK, size=canvas.SMALL) for x, y in marks
    ]
    curve = list(zip(found.seconds, found.quantiles, strict=True))
    place(axes, names, avoid=curve[:: max(1, len(curve) // 60)])
