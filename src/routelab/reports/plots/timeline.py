"""A simulated day as lines over time, one panel under the other, with what went wrong shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from routelab.core import Bools, Floats, Ints
from routelab.core.messages import wording
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import GOOD, INK, LOSS, MUTED, OURS, RULE, SOFT
from routelab.simulate import Day, DeploymentSamples, Scenario

BINS = 8, 60
"""Pieces that a day is cut into, at least and at most; each holds `EACH` requests if it can."""
EACH = 20
FEWEST = 5
"""Answers in a bin below which its percentiles are not drawn."""
DEPLOYMENTS = 16
"""Breakers drawn; those that opened first."""
_PANEL, _GAP, _TOP, _FOOT = 74.0, 36.0, 42.0, 40.0
_ROW = 17.0


class FaultWindow(NamedTuple):
    """When something was other than usual."""

    name: str
    from_s: float
    to_s: float
    good: bool


class Bins(NamedTuple):
    """A day in even pieces (b), by when requests arrived.

    Attributes:
        middle_s: (b,) of each.
        per_s: (b,) requests a second.
        p50, p95, p99: (b,) seconds; NaN where too few were answered.
        failed, escalated: (b,) shares.
        usd_per_1k: (b,).
    """

    middle_s: Floats
    per_s: Floats
    p50: Floats
    p95: Floats
    p99: Floats
    failed: Floats
    escalated: Floats
    usd_per_1k: Floats


def binned(day: Day, bins: int | None = None) -> Bins:
    """What a day was like from one moment to the next."""
    if bins is None:
        bins = min(max(BINS[0], len(day) // EACH), BINS[1])
    end = max(float(day.arrived_s[-1]), 1e-9)
    edges = np.linspace(0.0, end, bins + 1)
    where = np.clip(np.searchsorted(edges, day.arrived_s, side="right") - 1, 0, bins - 1)
    count = np.bincount(where, minlength=bins).astype(np.float64)

    def share(rows: Bools) -> Floats:
        return _over(rows.astype(np.float64), where, count)

    quantiles = np.full((3, bins), math.nan)
    answered = day.answered & day.latency_known
    for at in range(bins):
        seen = day.latency_s[answered & (where == at)]
        if len(seen) >= FEWEST:
            quantiles[:, at] = np.quantile(seen, (0.5, 0.95, 0.99))
    return Bins(
        (edges[:-1] + edges[1:]) / 2.0,
        count / (end / bins),
        quantiles[0],
        quantiles[1],
        quantiles[2],
        share(~day.answered),
        share(day.calls > 1),
        1000.0 * _over(day.cost_usd, where, count),
    )


def _over(values: Floats, where: Ints, count: Floats) -> Floats:
    """Means by bin; NaN where a bin is empty."""
    total = np.bincount(where, values, len(count))
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1.0), math.nan))


def windows(scenario: Scenario) -> list[FaultWindow]:
    """The times of a scenario's faults and surges, to shade."""
    found = [
        FaultWindow(
            f"{it.__struct_config__.tag} {_where(it)}".strip(), it.from_s, it.to_s, good=False
        )
        for it in scenario.faults
    ]
    return found + [
        FaultWindow(f"{it.factor:g} times the traffic", it.from_s, it.to_s, good=True)
        for it in scenario.surges
    ]


def _where(fault: object) -> str:
    names = (getattr(fault, field) for field in ("model", "provider", "deployment"))
    return " ".join(name for name in names if name)


def timeline_plot(key: str, day: Day, scenario: Scenario) -> PlotBlock:
    """Traffic, latency, failures, lines, breakers, spend and escalation of a day.

    Args:
        day: simulated.
        scenario: whose faults and surges are shaded.
        key: unique in a page.
    """
    found, shown = binned(day), breakers(day)
    height = _TOP + 6 * (_PANEL + _GAP) + _ROW * len(shown) + _FOOT
    shaded = windows(scenario)
    drawn = {
        name: canvas.draw(
            f"{key}-{name}", width, height, lambda on: _paint(on, day, found, shown, shaded)
        )
        for name, width in (("wide", canvas.WIDE), ("narrow", canvas.NARROW))
    }
    alt = _alt(day, found, shaded)
    svg, narrow = (canvas.labelled(drawn[name], alt) for name in ("wide", "narrow"))
    return PlotBlock("From the first arrival to the last", alt, svg, narrow, wide=True)


def breakers(day: Day) -> list[DeploymentSamples]:
    """Deployments that were called, those whose breaker opened most first."""
    called = {(it.model, it.deployment) for it in day.worked if it.attempts}
    there = [it for it in day.sampled if (it.model, it.deployment) in called]
    return sorted(there, key=lambda it: -int((it.state > 0).sum()))[:DEPLOYMENTS]


def _alt(day: Day, found: Bins, shaded: Sequence[FaultWindow]) -> str:
    parts = [f"Requests a second from {found.per_s.min():.3g} to {found.per_s.max():.3g}"]
    if np.isfinite(found.p95).any():
        at = int(np.nanargmax(found.p95))
        worst = forms.seconds(float(found.p95[at]))
        parts.append(f"P95 at most {worst}, at {_clock(found.middle_s[at])}")
    lost = int((~day.answered).sum())
    parts.append(f"{forms.count(lost)} of {forms.count(len(day))} requests without an answer")
    told = ". ".join(parts) + "."
    if shaded:
        listed = wording.listed(
            [f"{forms.short(it.name, 60)} ({it.from_s:g} to {it.to_s:g} s)" for it in shaded[:6]]
        )
        told += f" Shaded: {listed}."
    return told + f" Percentiles are of requests by arrival, in {len(found.middle_s)} equal pieces."


def _paint(
    on: Figure,
    day: Day,
    found: Bins,
    shown: Sequence[DeploymentSamples],
    shaded: Sequence[FaultWindow],
) -> None:
    width, height = on.get_size_inches() * 72
    left, right = (128.0 if width > 500 else 92.0), 12.0
    end = float(day.arrived_s[-1])
    top = _TOP

    def panel(title: str, size: float = _PANEL) -> Axes:
        nonlocal top
        place = (left / width, 1 - (top + size) / height, 1 - (left + right) / width, size / height)
        axes = on.add_axes(place)
        axes.set_title(title, loc="left", fontsize=canvas.SMALL, pad=5, color=INK)
        axes.set_xlim(0.0, end)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _clock(value)))
        axes.xaxis.set_major_locator(MaxNLocator(5 if width < 500 else 9, steps=[1, 2, 3, 6, 10]))
        axes.tick_params(axis="x", labelbottom=False, length=0)
        canvas.grid(axes)
        for one in shaded:
            tone = SOFT if one.good else LOSS
            axes.axvspan(one.from_s, min(one.to_s, end), color=tone, alpha=0.14, lw=0, zorder=0)
        top += size + _GAP
        return axes

    traffic = panel("Requests a second")
    _filled(traffic, found.middle_s, found.per_s, OURS)
    _named(traffic, shaded, end)
    _latencies(panel("Latency: P50, P95, P99"), found, known=day.latency_known)
    _filled(panel("Without an answer, share"), found.middle_s, found.failed, LOSS, share=True)
    _lines(panel("Waiting: at deployments (solid), for one (dashed)"), day)
    _states(panel("Breakers: half-open and open", _ROW * len(shown) + 0.1), day, shown, width)
    _filled(panel("USD per 1,000 requests"), found.middle_s, found.usd_per_1k, OURS)
    last = panel("Escalated, share")
    _filled(last, found.middle_s, found.escalated, OURS, share=True)
    last.tick_params(axis="x", labelbottom=True, length=3)
    last.set_xlabel("from the first arrival, minutes:seconds")


def _filled(axes: Axes, x: Floats, y: Floats, colour: str, *, share: bool = False) -> None:
    axes.plot(x, y, color=colour)
    axes.fill_between(x, 0.0, np.nan_to_num(y), color=colour, alpha=0.13, lw=0)
    most = float(np.nanmax(y, initial=0.0))
    axes.set_ylim(0.0, 1.12 * most if most > 0 else (0.01 if share else 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    if share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))


def _latencies(axes: Axes, found: Bins, *, known: bool) -> None:
    if not known or not np.isfinite(found.p50).any():
        axes.text(0.5, 0.5, "not observed", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set_yticks([])
        return
    for values, colour, line in ((found.p99, SOFT, 1.0), (found.p95, OURS, 1.8),
                                 (found.p50, MUTED, 1.2)):  # fmt: skip
        axes.plot(found.middle_s, values, color=colour, lw=line)
    axes.set_ylim(0.0, 1.1 * float(np.nanmax(found.p99)))
    axes.yaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))


def _lines(axes: Axes, day: Day) -> None:
    at = _moments(day, len(day.waiting))
    inside: Ints = np.zeros(len(day.waiting), dtype=np.int64)
    for one in day.sampled:
        inside = inside + one.waiting
    axes.plot(at, inside, color=OURS, lw=1.4)
    axes.plot(at, day.waiting, color=LOSS, lw=1.2, ls=(0, (3, 2)))
    most = max(int(inside.max(initial=0)), int(day.waiting.max(initial=0)), 1)
    axes.set_ylim(0.0, 1.12 * most)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=2))


def _states(axes: Axes, day: Day, shown: Sequence[DeploymentSamples], width: float) -> None:
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.grid(visible=False)
    room = 20 if width > 500 else 14
    named = [f"{forms.short(it.model, room - 6)} {forms.short(it.provider, 6)}" for it in shown]
    axes.set_yticks(range(len(shown)), named)
    axes.tick_params(axis="y", labelsize=canvas.SMALL - 1)
    at = _moments(day, len(day.waiting))
    for row, one in enumerate(shown):
        axes.axhline(row, color=RULE, alpha=0.5, lw=7, solid_capstyle="butt")
        for state, colour in ((1, SOFT), (2, LOSS)):
            spans = [(at[i], day.every_s) for i in np.flatnonzero(one.state == state)]
            axes.broken_barh(spans, (row - 0.3, 0.6), color=colour, lw=0)
        if not one.state.any():
            axes.axhline(row, color=GOOD, alpha=0.5, lw=1.2)


def _named(axes: Axes, shaded: Sequence[FaultWindow], end: float) -> None:
    """What the shades are, over the first panel; later ones of a place are in the words."""
    taken = -math.inf
    for one in sorted(shaded, key=lambda it: it.from_s):
        if one.from_s < taken:
            continue
        taken = one.from_s + 0.3 * end
        late = one.from_s > 0.6 * end
        axes.annotate(forms.short(one.name, 24), (min(one.to_s, end) if late else one.from_s, 1.0),
                      xycoords=("data", "axes fraction"), xytext=(0, 20),
                      textcoords="offset points", ha="right" if late else "left",
                      fontsize=canvas.SMALL, color=OURS if one.good else LOSS)  # fmt: skip


def _moments(day: Day, n: int) -> Floats:
    return np.asarray(np.arange(n) * day.every_s, dtype=np.float64)


def _clock(seconds: float) -> str:
    whole = round(float(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
