"""Cost against quality: what routing adds to the models alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from routelab.metrics import hull
from routelab.replay import Baseline
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, LOSS, MUTED, OURS, PAPER, SOFT
from routelab.reports.labels import Label, place
from routelab.reports.summary import PointSummary, Range, Summary

LOG_ABOVE = 1000.0
"""Costs that differ by more than this factor are drawn on a logarithmic axis."""
FIXED = "fixed:"
TITLE = "What routing adds"


class Spot(NamedTuple):
    """Something measured on test, with its intervals."""

    name: str
    usd: float
    quality: float
    usd_ci: Range
    quality_ci: Range


def front_plot(summary: Summary) -> PlotBlock:
    """The front with the models' hull, baselines and operating points."""
    sizes = {"wide": (canvas.WIDE, 430.0), "narrow": (canvas.NARROW, 380.0)}
    drawn = {
        key: canvas.draw(f"front-{key}", *size, lambda on: _paint(on, summary))
        for key, size in sizes.items()
    }
    alt = _alt(summary)
    svg, narrow = (canvas.labelled(drawn[key], alt) for key in sizes)
    return PlotBlock(TITLE, alt, svg, narrow, wide=True)


def models_plot(summary: Summary) -> list[Spot]:
    """Spots for the candidates, each alone."""
    return [_spot(it, it.name.removeprefix(FIXED)) for it in _fixed(summary)]


def _fixed(summary: Summary) -> list[Baseline]:
    assert summary.test is not None
    return [it for it in summary.test.baselines if it.name.startswith(FIXED)]


def _rivals(summary: Summary) -> list[Spot]:
    assert summary.test is not None
    others = (it for it in summary.test.baselines if not it.name.startswith(FIXED))
    return [_spot(it, it.name.replace("_", " ")) for it in others if it.name != "zero_router"]


def _spot(it: Baseline, name: str) -> Spot:
    return Spot(name, it.usd_per_1k, it.quality, it.usd_per_1k_ci, it.quality_ci)


def _chosen(summary: Summary) -> list[Spot]:
    """The exported policy first."""
    test = summary.test
    assert test is not None
    first = Spot("this policy", test.usd_per_1k, test.quality, test.usd_per_1k_ci, test.quality_ci)
    return [first, *(_point(it) for it in summary.operating_points[1:])]


def _point(it: PointSummary) -> Spot:
    test = it.test
    return Spot(it.name, test.usd_per_1k, test.quality, test.usd_per_1k_ci, test.quality_ci)


def _alt(summary: Summary) -> str:
    test = summary.test
    assert test is not None
    alone = models_plot(summary)
    low = min(alone, key=lambda it: it.usd, default=None)
    best = max(alone, key=lambda it: it.quality, default=None)
    ends = [
        f"{what} is {forms.short(it.name, 60)}"
        f" ({forms.usd(it.usd)} USD, {forms.quality(it.quality)})"
        for what, it in (("the cheapest model", low), ("the best", best))
        if it is not None
    ]
    return (
        f"This policy costs {forms.usd(test.usd_per_1k)} USD per 1,000 requests at quality"
        f" {forms.quality(test.quality)}; {', '.join(ends)}. Against the zero router for the"
        f" same money the policy differs by {forms.points(test.gain_vs_zero_router)} points."
    )


def _paint(on: Figure, summary: Summary) -> None:
    axes = on.add_axes((0, 0, 1, 1))
    width, height = on.get_size_inches() * 72
    axes.set_position((40 / width, 42 / height, 1 - 56 / width, 1 - 58 / height))
    alone, ours, rivals = _apart(models_plot(summary), _chosen(summary), _rivals(summary))
    _scale(axes, [*alone, *ours, *rivals])
    if singles := models_plot(summary):
        _hulls(axes, singles, ours)
    _tried(axes, summary)
    for spots, colour in ((rivals, LOSS), (alone, MUTED), (ours, OURS)):
        for spot in spots:
            _whiskers(axes, spot, colour)
    _dots(axes, rivals, "D", LOSS, 5.0, hollow=True)
    _dots(axes, alone, "s", MUTED, 6.5)
    _dots(axes, ours[1:], "o", OURS, 8.0, hollow=True)
    _dots(axes, ours[:1], "o", OURS, 11.0)
    _names(axes, alone, ours, rivals)


def _apart(
    alone: Sequence[Spot], ours: Sequence[Spot], rivals: Sequence[Spot]
) -> tuple[list[Spot], list[Spot], list[Spot]]:
    """Without points that lie on others; a policy that is one model says so."""
    first = ours[0]
    same = [it.name for it in alone if it[1:3] == first[1:3]]
    named = first._replace(name=", ".join([first.name, *(forms.short(it, 22) for it in same)]))
    models = [it for it in alone if it.name not in same]
    taken = {it[1:3] for it in (first, *models)}
    others = [it for it in ours[1:] if it[1:3] not in taken]
    taken |= {it[1:3] for it in others}
    return models, [named, *others], [it for it in rivals if it[1:3] not in taken]


def _scale(axes: Axes, spots: Sequence[Spot]) -> None:
    """Axes that hold every point and the whiskers of all but the widest."""
    cost = [it.usd for it in spots if it.usd > 0]
    quality = [value for it in spots for value in (it.quality, *it.quality_ci)]
    if cost and max(cost) > LOG_ABOVE * min(cost) and len(cost) == len(spots):
        axes.set_xscale("log")
        axes.set_xlim(min(cost) / 1.7, max(cost) * 1.9)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        top = max([it.usd for it in spots], default=1.0) or 1.0
        dear = max((it.usd_ci[1] for it in spots if it.usd_ci[1] < 1.5 * top), default=top)
        axes.set_xlim(-0.04 * top, max(1.14 * top, 1.03 * dear))
        axes.xaxis.set_major_locator(MaxNLocator(6, min_n_ticks=3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    low, high = min(quality, default=0.0), max(quality, default=1.0)
    room = 0.08 * ((high - low) or 0.1)
    axes.set_ylim(low - room, high + room)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel("USD per 1,000 requests")
    axes.set_title("quality", loc="left", x=-0.01, fontsize=canvas.SMALL, color=MUTED, pad=10)
    canvas.grid(axes)


def _tick(value: float) -> str:
    return "" if value < 0 else f"{value:g}"


def _hulls(axes: Axes, alone: Sequence[Spot], ours: Sequence[Spot]) -> None:
    """The hull with and without our points; between them is what routing adds."""
    right = axes.get_xlim()[1]
    cheapest = min(it.usd for it in alone)
    logarithmic = axes.get_xscale() == "log"
    x = np.geomspace(cheapest, right, 300) if logarithmic else np.linspace(cheapest, right, 300)
    below = _hull_at(alone, x)
    above = _hull_at([*alone, *ours], x)
    axes.fill_between(x, below, above, color=OURS, alpha=0.10, lw=0, zorder=1)
    axes.plot(x, above, color=OURS, lw=1.6, zorder=3)
    axes.plot(x, below, color=MUTED, lw=1.4, ls=(0, (4, 3)), zorder=2)


def _hull_at(
    spots: Sequence[Spot], x: np.typing.NDArray[np.float64]
) -> np.typing.NDArray[np.float64]:
    corners = hull([it.usd for it in spots], [it.quality for it in spots])
    return np.asarray(np.interp(x, corners.cost, corners.quality))


def _tried(axes: Axes, summary: Summary) -> None:
    """The front as it was found on tune; test is usually a little lower."""
    axes.plot(
        [it.usd_per_1k for it in summary.front],
        [it.quality for it in summary.front],
        ".",
        color=SOFT,
        ms=3.0,
        alpha=0.8,
        mew=0,
        zorder=2,
    )


def _whiskers(axes: Axes, spot: Spot, colour: str) -> None:
    axes.plot([spot.usd, spot.usd], spot.quality_ci, color=colour, lw=1.1, alpha=0.65, zorder=4)
    axes.plot(spot.usd_ci, [spot.quality] * 2, color=colour, lw=1.1, alpha=0.65, zorder=4)


def _dots(
    axes: Axes,
    spots: Sequence[Spot],
    marker: str,
    colour: str,
    size: float,
    *,
    hollow: bool = False,
) -> None:
    axes.plot(
        [it.usd for it in spots],
        [it.quality for it in spots],
        marker,
        ms=size,
        mfc=PAPER if hollow else colour,
        mec=colour if hollow else PAPER,
        mew=1.6 if hollow else 1.2,
        zorder=6,
    )


def _names(axes: Axes, alone: Sequence[Spot], ours: Sequence[Spot], rivals: Sequence[Spot]) -> None:
    names = [Label(ours[0].usd, ours[0].quality, ours[0].name, OURS, bold=True, size=13.0)]
    names += [Label(it.usd, it.quality, forms.short(it.name), OURS) for it in ours[1:]]
    names += [Label(it.usd, it.quality, forms.short(it.name, 22), INK) for it in alone[:12]]
    names += [Label(it.usd, it.quality, it.name, LOSS, size=canvas.SMALL) for it in rivals]
    place(axes, names, avoid=[*_lines(axes), *_ends([*ours, *alone, *rivals])])


def _lines(axes: Axes) -> Iterator[tuple[float, float]]:
    """Points along all that is drawn as a line."""
    for line in axes.lines:
        if line.get_linestyle() != "None":
            yield from np.asarray(line.get_xydata())[::4].tolist()


def _ends(spots: Sequence[Spot]) -> Iterator[tuple[float, float]]:
    """Points along the whiskers."""
    for it in spots:
        for part in np.linspace(0, 1, 9):
            yield it.usd, it.quality_ci[0] + part * (it.quality_ci[1] - it.quality_ci[0])
            yield it.usd_ci[0] + part * (it.usd_ci[1] - it.usd_ci[0]), it.quality
