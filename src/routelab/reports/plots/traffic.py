"""A plot of traffic: a column of bars for each model, a line for each task."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routelab.core.messages import wording
from routelab.replay.breakdown import Slice
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, LOSS, MUTED, OURS, RULE

ROW = 23.0
COLUMNS = 5
"""Models that get a column; the tables hold the others."""
_LEFT = 122.0


def traffic_plot(slices: Sequence[Slice], models: Sequence[str]) -> PlotBlock:
    """Model share and escalation of some tasks."""
    shown = sorted(models, key=lambda name: -_total(slices, name))[:COLUMNS]
    shown = [name for name in models if name in shown]
    alt = _alt(slices, shown)
    height = ROW * len(slices) + 52.0
    svg = canvas.draw("traffic", canvas.NARROW * 1.1, height, lambda on: _paint(on, slices, shown))
    return PlotBlock("Who answers, by task", alt, canvas.labelled(svg, alt))


def _total(slices: Sequence[Slice], name: str) -> float:
    return sum(it.n_requests * it.model_share.get(name, 0.0) for it in slices)


def _alt(slices: Sequence[Slice], models: Sequence[str]) -> str:
    most = max(slices, key=lambda it: it.escalation_rate)
    least = min(slices, key=lambda it: it.escalation_rate)
    named = wording.listed([forms.short(name, 40) for name in models])
    return (
        f"Share of each task's requests answered by {named}."
        f" Most escalated is {forms.short(most.value, 40)} ({forms.share(most.escalation_rate)}),"
        f" least {forms.short(least.value, 40)} ({forms.share(least.escalation_rate)})."
    )


def _paint(on: Figure, slices: Sequence[Slice], models: Sequence[str]) -> None:
    width, height = on.get_size_inches() * 72
    columns = [*models, "escalated"]
    step = (width - _LEFT - 6) / len(columns)
    for index, name in enumerate(columns):
        place = ((_LEFT + index * step) / width, 6 / height, (step - 7) / width, 1 - 52 / height)
        axes = on.add_axes(place)
        last = index == len(columns) - 1
        values = [it.escalation_rate if last else it.model_share.get(name, 0.0) for it in slices]
        _column(axes, values, LOSS if last else OURS)
        lines = _heading(name, step)
        axes.set_title(lines, loc="left", fontsize=canvas.SMALL, pad=6,
                       color=LOSS if last else INK)  # fmt: skip
        if index == 0:
            axes.set_yticks(range(len(slices)), [forms.short(it.value, 19) for it in slices])
            axes.tick_params(axis="y", labelcolor=INK, pad=6)


def _column(axes: Axes, values: Sequence[float], colour: str) -> None:
    rows = range(len(values))
    axes.barh(rows, [1.0] * len(values), height=0.72, color=RULE, alpha=0.28, lw=0)
    axes.barh(rows, values, height=0.72, color=colour, alpha=0.38, lw=0)
    for row, value in zip(rows, values, strict=True):
        axes.text(0.05, row, forms.whole_share(value), va="center_baseline", fontsize=canvas.SMALL,
                  color=INK if value >= 0.005 else MUTED)  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _heading(name: str, step: float) -> str:
    """A name on at most two lines of a column."""
    room = max(6, int(step / 6.2))
    text = forms.short(name, 2 * room)
    if len(text) <= room:
        return text
    cut = max((i + 1 for i, c in enumerate(text[:room]) if c in "-_/ ."), default=room)
    return f"{text[:cut]}\n{forms.short(text[cut:], room)}"
