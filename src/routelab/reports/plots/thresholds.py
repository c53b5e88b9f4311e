"""A plot of quality and cost over one threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from routelab.replay.breakdown import ThresholdCurve
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, MUTED, OURS, SOFT
from routelab.stats import evenly

_STYLES = {"tune": (SOFT, (0, (4, 2))), "test": (OURS, "solid")}
MOST = 240
"""Points of a curve that a plot of this size can show."""


def threshold_plot(key: str, curves: Sequence[ThresholdCurve]) -> PlotBlock:
    """Figures over one model's threshold.

    Args:
        key: unique in a page.
        curves: one for each part of the log.
    """
    last = curves[-1]
    title = f"Threshold of {forms.short(last.model, 40)}"
    alt = _alt(last)
    svg = canvas.draw(key, canvas.NARROW, 330.0, lambda on: _paint(on, curves))
    return PlotBlock(title, alt, canvas.labelled(svg, alt))


def _alt(curve: ThresholdCurve) -> str:
    at = curve.thresholds.index(curve.chosen)
    return (
        f"On {curve.part}, the chosen threshold {forms.plain(curve.chosen)} on"
        f" {forms.short(curve.signal, 60)} gives quality {forms.quality(curve.quality[at])} for"
        f" {forms.usd(curve.usd_per_1k[at])} USD per 1,000 requests; over all thresholds quality"
        f" goes from {forms.quality(min(curve.quality))} to {forms.quality(max(curve.quality))} and"
        f" cost from {forms.usd(min(curve.usd_per_1k))} to {forms.usd(max(curve.usd_per_1k))}."
    )


def _paint(on: Figure, curves: Sequence[ThresholdCurve]) -> None:
    upper, lower = on.subplots(2, 1, sharex=True)
    on.subplots_adjust(left=0.12, right=0.89, top=0.90, bottom=0.13, hspace=0.32)
    for axes, what, name in (
        (upper, "quality", "quality"),
        (lower, "usd_per_1k", "USD per 1,000 requests"),
    ):
        for curve in curves:
            _curve(axes, curve, getattr(curve, what))
        axes.set_title(name, loc="left", fontsize=canvas.SMALL, color=MUTED, pad=5)
        axes.yaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3))
        canvas.grid(axes)
        _chosen(axes, curves[-1], getattr(curves[-1], what))
        _parts(axes, [(it.part, it.thresholds[-1], getattr(it, what)[-1]) for it in curves])
    upper.text(
        curves[-1].chosen, 1.03, f"chosen {forms.plain(curves[-1].chosen)}", ha="center",
        va="bottom", transform=upper.get_xaxis_transform(), color=INK, fontweight="bold",
    )  # fmt: skip
    lower.set_xlabel(f"keep the answer if {forms.short(curves[-1].signal)} is at least")
    lower.xaxis.set_major_locator(MaxNLocator(6))


def _curve(axes: Axes, curve: ThresholdCurve, values: Sequence[float]) -> None:
    colour, dashes = _STYLES.get(curve.part, _STYLES["test"])
    keep = evenly(len(values), MOST)
    x, y = np.array(curve.thresholds)[keep], np.array(values)[keep]
    axes.plot(x, y, color=colour, ls=dashes, zorder=3)


def _parts(axes: Axes, ends: Sequence[tuple[str, float, float]]) -> None:
    """Names at the ends of the curves, moved apart where the ends meet."""
    heights = [float(axes.transData.transform((x, y))[1]) for _, x, y in ends]
    right = max(x for _, x, _ in ends)
    low = 0.0
    for at in np.argsort(heights, kind="stable"):
        part, _, y = ends[at]
        shift = max(0.0, low - heights[at])
        low = heights[at] + shift + 12.0
        axes.annotate(
            part, (right, y), (7, shift), textcoords="offset points", va="center",
            color=MUTED if part == "tune" else OURS, fontsize=canvas.SMALL, annotation_clip=False,
        )  # fmt: skip


def _chosen(axes: Axes, curve: ThresholdCurve, values: Sequence[float]) -> None:
    axes.axvline(curve.chosen, color=INK, lw=1.0, zorder=2)
    at = values[curve.thresholds.index(curve.chosen)]
    axes.plot([curve.chosen], [at], "o", ms=9, mfc=OURS, mec=canvas.PAPER, mew=1.4, zorder=5)
