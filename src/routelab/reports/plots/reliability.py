"""Quality of a model's answers against their confidence."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from routelab.replay.breakdown import ReliabilityBins
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import MUTED, OURS, SOFT
from routelab.reports.labels import Label, place


def reliability_plot(key: str, bins: ReliabilityBins) -> PlotBlock:
    """Mean quality by confidence; the bars say how many answers are behind each dot."""
    alt = _alt(bins)
    title = f"Does {forms.short(bins.signal, 20)} tell? {forms.short(bins.model, 24)}"
    svg = canvas.draw(key, canvas.NARROW, 290.0, lambda on: _paint(on, bins))
    return PlotBlock(title, alt, canvas.labelled(svg, alt))


def _alt(bins: ReliabilityBins) -> str:
    seen = [quality for quality, n in zip(bins.quality, bins.n, strict=True) if n]
    span = (
        f"from {forms.quality(seen[0])} in the least confident bin to {forms.quality(seen[-1])} in"
        " the most confident one"
        if seen
        else "not observed"
    )
    auroc = "" if bins.auroc is None else f" AUROC {bins.auroc:.3f} (0.5 is chance)."
    ece = "" if bins.ece is None else f" Calibration error {bins.ece:.3f}."
    return f"Quality of {forms.short(bins.model, 60)} goes {span}.{auroc}{ece}"


def _paint(on: Figure, bins: ReliabilityBins) -> None:
    axes, counts = on.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    on.subplots_adjust(left=0.12, right=0.94, top=0.90, bottom=0.17, hspace=0.12)
    n = np.array(bins.n)
    seen = n > 0
    if bins.probability:
        axes.plot([0, 1], [0, 1], color=MUTED, ls=(0, (1, 2)), lw=1.4)
    axes.plot(np.array(bins.confidence)[seen], np.array(bins.quality)[seen], "-o", color=OURS,
              ms=6.5, mec=canvas.PAPER, mew=1.2, zorder=4)  # fmt: skip
    axes.set_ylim(-0.04, 1.06)
    axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0])
    axes.set_title("mean quality", loc="left", fontsize=canvas.SMALL, color=MUTED, pad=6)
    canvas.grid(axes)
    width = np.array(bins.high) - np.array(bins.low)
    counts.bar(np.array(bins.low), n, width, align="edge", color=SOFT, ec=canvas.PAPER, lw=0.8)
    counts.set_yticks([int(n.max(initial=1))], [f"{int(n.max(initial=0)):,}"])
    counts.spines["left"].set_visible(False)
    counts.set_xlabel(f"{forms.short(bins.signal)} (bars: answers)")
    counts.xaxis.set_major_locator(MaxNLocator(6))
    if bins.probability:
        _diagonal(axes, bins)


def _diagonal(axes: Axes, bins: ReliabilityBins) -> None:
    """Where answers would lie that are right as often as they are confident."""
    line = np.linspace(0, 1, 41)
    known = list(zip(bins.confidence, bins.quality, strict=True))
    near = [(float(x), float(x)) for x in line]
    place(axes, [Label(0.55, 0.55, "right as often as confident", MUTED, size=canvas.SMALL)],
          avoid=[*near, *(pair for pair in known if np.isfinite(pair).all())])  # fmt: skip
