"""Quality against the share of requests that a model hands on."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from routelab.replay.breakdown import Deferral
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import GOOD, INK, MUTED, OURS
from routelab.reports.labels import Label, place
from routelab.reports.plots.thresholds import MOST
from routelab.stats import evenly


def deferral_plot(key: str, curve: Deferral) -> PlotBlock:
    """The signal's curve between random deferral and the oracle's."""
    pair = f"{forms.short(curve.model, 24)} to {forms.short(curve.next_model, 24)}"
    alt = _alt(curve)
    svg = canvas.draw(key, canvas.NARROW, 290.0, lambda on: _paint(on, curve))
    return PlotBlock(f"Handing on: {pair}", alt, canvas.labelled(svg, alt))


def _alt(curve: Deferral) -> str:
    area = (
        "nothing could be gained by deferring at all"
        if curve.area is None
        else f"the signal earns {forms.share(curve.area)} of what an oracle would over chance"
    )
    chosen = (
        ""
        if curve.chosen_share is None
        else f"; the policy hands on {forms.share(curve.chosen_share)}"
    )
    return (
        f"Deferring the least confident answers of {forms.short(curve.model, 60)} by"
        f" {forms.short(curve.signal, 60)} first: {area}{chosen}."
    )


def _paint(on: Figure, curve: Deferral) -> None:
    axes = on.subplots()
    on.subplots_adjust(left=0.12, right=0.94, top=0.90, bottom=0.17)
    x, y = _thinned(curve.share, curve.quality)
    best_x, best_y = _thinned(curve.oracle_share, curve.oracle_quality)
    axes.plot(best_x, best_y, color=GOOD, ls=(0, (5, 2)), lw=1.6)
    axes.plot([0, 1], curve.random_quality, color=MUTED, ls=(0, (1, 2)), lw=1.6)
    axes.fill_between(
        x, np.interp(x, [0, 1], curve.random_quality), y, color=OURS, alpha=0.10, lw=0
    )
    axes.plot(x, y, color=OURS, lw=2.2)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
    axes.set_title("quality", loc="left", fontsize=canvas.SMALL, color=MUTED, pad=6)
    axes.set_xlabel("share handed on, least confident first")
    canvas.grid(axes)
    _names(axes, curve, (x, y), (best_x, best_y))


def _names(axes: Axes, curve: Deferral, line: _Line, best: _Line) -> None:
    low, high = curve.random_quality
    names = []
    if curve.chosen_share is not None:
        at = float(np.interp(curve.chosen_share, *line))
        axes.plot([curve.chosen_share], [at], "o", ms=9, mfc=OURS, mec=canvas.PAPER, mew=1.4)
        names += [Label(curve.chosen_share, at, "this policy", INK, bold=True)]
    names += [
        Label(0.62, float(np.interp(0.62, *best)), "oracle", GOOD),
        Label(0.72, low + 0.72 * (high - low), "random", MUTED),
        Label(0.40, float(np.interp(0.40, *line)), forms.short(curve.signal, 20), OURS),
    ]
    samples = np.linspace(0, 1, 41)
    lines = [(s, float(np.interp(s, *known))) for known in (line, best) for s in samples]
    place(axes, names, avoid=[*lines, *((s, low + s * (high - low)) for s in samples)])


_Line = tuple[np.typing.NDArray[np.float64], np.typing.NDArray[np.float64]]


def _thinned(x: tuple[float, ...], y: tuple[float, ...]) -> _Line:
    keep = evenly(len(x), MOST)
    return np.array(x)[keep], np.array(y)[keep]
