"""Progress of a randomised search, and which of its parameters mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, MUTED, OURS
from routelab.reports.summary import FrontProgress

MOST = 10
"""Parameters drawn."""
_LEFT = 122.0
_FLAT = 1e-4
"""The least height of the axis of hypervolume, so that rounding is not drawn as progress."""


def progress_plot(found: Sequence[FrontProgress]) -> PlotBlock:
    """Hypervolume of the front over trials, from the exactly tuned one on."""
    first, last = found[0], found[-1]
    alt = (
        f"Share dominated: {first.hypervolume:.4%} before the first trial,"
        f" {last.hypervolume:.4%} after {last.trials:,}."
    )
    svg = canvas.draw("search", canvas.NARROW, 240.0, lambda on: _curve(on, found))
    return PlotBlock("Hypervolume over trials", alt, canvas.labelled(svg, alt))


def parameter_importance_plot(found: Mapping[str, float]) -> PlotBlock:
    """Importance of each parameter for reaching the front, the greatest first."""
    shown = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
    alt = (
        f"What sets trials near the front apart: {forms.short(shown[0][0], 40)} most, with"
        f" {forms.share(shown[0][1])} (PED-ANOVA; shares of all {len(found)} parameters)."
    )
    height = 26.0 * len(shown) + 56.0
    svg = canvas.draw("importance", canvas.NARROW, height, lambda on: _bars(on, shown))
    return PlotBlock("Which parameters mattered", alt, canvas.labelled(svg, alt))


def _curve(on: Figure, found: Sequence[FrontProgress]) -> None:
    width, height = on.get_size_inches() * 72
    axes = on.add_axes((64 / width, 40 / height, 1 - 76 / width, 1 - 56 / height))
    trials = [it.trials for it in found]
    values = [100 * it.hypervolume for it in found]
    axes.plot(trials, values, color=OURS, drawstyle="steps-post")
    axes.plot(trials[:1], values[:1], "o", color=OURS, ms=6.5, mec=canvas.PAPER, zorder=4)
    room = max(100 * _FLAT, 0.12 * (values[-1] - values[0]))
    axes.set_ylim(values[0] - room, values[-1] + room)
    axes.yaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.5g} %"))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("trials (the dot: tuned exactly)")
    canvas.grid(axes)


def _bars(on: Figure, shown: Sequence[tuple[str, float]]) -> None:
    width, height = on.get_size_inches() * 72
    axes = on.add_axes((_LEFT / width, 38 / height, 1 - (_LEFT + 44) / width, 1 - 44 / height))
    rows = range(len(shown))
    axes.barh(rows, [100 * value for _, value in shown], height=0.5, color=OURS, alpha=0.85, lw=0)
    for row, (_, value) in enumerate(shown):
        axes.text(100 * value, row, f" {forms.share(value)}", va="center", color=MUTED,
                  fontsize=canvas.SMALL)  # fmt: skip
    axes.set_yticks(rows, [forms.short(name, 19) for name, _ in shown])
    axes.tick_params(axis="y", labelcolor=INK, pad=6)
    axes.set_ylim(len(shown) - 0.5, -0.6)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3))
    axes.set_xlabel("importance, % of all")
    canvas.grid(axes, "x")
    axes.spines["left"].set_visible(False)
