"""Differences with their intervals, a line each, around zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import GOOD, INK, LOSS, MUTED
from routelab.reports.summary import Range

ROW = 25.0
_LEFT = 150.0


class WhiskerLine(NamedTuple):
    """A difference with its interval, in units of the axis.

    Attributes:
        name: what it is of.
        value: point estimate.
        interval: 95 %.
    """

    name: str
    value: float
    interval: Range


def points(name: str, value: float, interval: Range) -> WhiskerLine:
    """A line for a difference in quality, in points of 1/100.

    Args:
        name: what it is of.
        value: point estimate, in units of quality.
        interval: 95 %, in units of quality.
    """
    return WhiskerLine(name, 100 * value, (100 * interval[0], 100 * interval[1]))


def whiskers_plot(
    key: str,
    title: str,
    alt: str,
    lines: Sequence[WhiskerLine],
    sides: tuple[str, str],
    unit: str,
    *,
    good: int = 1,
) -> PlotBlock:
    """A plot of differences with their intervals, in their order from the top.

    Args:
        key: unique in a page.
        title: of the plot.
        alt: what it shows, for those who cannot see it.
        lines: to draw.
        sides: what it means to be left and right of zero.
        unit: of the axis.
        good: 1 if above zero is good, -1 if below is.
    """
    height = ROW * len(lines) + 64.0
    svg = canvas.draw(key, canvas.NARROW, height, lambda on: _paint(on, lines, sides, unit, good))
    return PlotBlock(title, alt, canvas.labelled(svg, alt))


def _paint(
    on: Figure, lines: Sequence[WhiskerLine], sides: tuple[str, str], unit: str, good: int
) -> None:
    width, height = on.get_size_inches() * 72
    axes = on.add_axes((_LEFT / width, 40 / height, 1 - (_LEFT + 12) / width, 1 - 64 / height))
    for y, line in enumerate(lines):
        _line(axes, y, line, good)
    axes.axvline(0, color=INK, lw=1.0, zorder=2)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_yticks(range(len(lines)), [forms.short(line.name, 24) for line in lines])
    axes.tick_params(axis="y", labelcolor=INK, pad=8)
    _around_zero(axes, lines)
    canvas.grid(axes, "x")
    axes.spines["left"].set_visible(False)
    for x, side, align in zip((0, 1), sides, ("left", "right"), strict=True):
        axes.text(
            x, 1.0 + 8 / (height - 64), side, transform=axes.transAxes, ha=align, va="bottom",
            color=MUTED, fontsize=canvas.SMALL,
        )  # fmt: skip
    axes.set_xlabel(unit)


def _line(axes: Axes, y: int, line: WhiskerLine, good: int) -> None:
    """Filled where the interval leaves zero out, hollow where it does not."""
    low, high = line.interval
    settled = low > 0 or high < 0
    colour = MUTED if not settled else GOOD if line.value * good > 0 else LOSS
    axes.plot([low, high], [y, y], color=colour, lw=2.4, alpha=0.55, zorder=3)
    axes.plot(
        [line.value], [y], "o", ms=7.5, mfc=colour if settled else canvas.PAPER,
        mec=colour, mew=1.6, zorder=4,
    )  # fmt: skip


def _around_zero(axes: Axes, lines: Sequence[WhiskerLine]) -> None:
    ends = np.array([[line.value, *line.interval] for line in lines])
    ends = ends[np.isfinite(ends)]
    low, high = min(0.0, *ends.tolist(), 0.0), max(0.0, *ends.tolist(), 0.0)
    room = 0.06 * ((high - low) or 1.0)
    axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: forms.minus(f"{value:+g}") if value else "0")
    )
