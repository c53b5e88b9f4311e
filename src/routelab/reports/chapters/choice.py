"""The chapter on operating points, and on what is reached without tuning."""

from __future__ import annotations

from collections.abc import Callable

from routelab.replay import Baseline, Figures
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, Gallery, Note, PlotBlock, TableBlock, Text
from routelab.reports.chapters.opening import FIXED
from routelab.reports.plots import WhiskerLine, front_plot, points, whiskers_plot
from routelab.reports.summary import PointFigures, Range, Summary

DRAWN, MOST = 16, 40
"""Baselines in a plot and in the table."""


def choice_chapter(summary: Summary) -> Chapter:
    """The front, the operating points and the baselines."""
    test = summary.test
    if test is None:
        return Chapter("choice", "Cost and quality", [Note("There is no policy to draw.")])
    blocks: list[Block] = [Text(_reading(summary)), front_plot(summary)]
    if not summary.front:
        blocks += [Note("The front of the policies that were tried is not part of this data.")]
    return Chapter(
        "choice",
        "Cost and quality",
        [
            *blocks,
            _points(summary),
            *_made(test),
            Gallery(_against(test)),
            _baselines(test.baselines),
        ],
    )


def _reading(summary: Summary) -> str:
    dots = " Small dots are the front as it was found on the tune part." if summary.front else ""
    return (
        "The dashed line is the zero router, the best mix of single models. The shaded"
        " area between it and the solid line is what routing adds. Whiskers are 95% intervals on"
        f" held-out requests.{dots}"
    )


def _points(summary: Summary) -> TableBlock:
    test = summary.test
    assert test is not None
    heads = (
        "Operating point",
        "Quality",
        "USD per 1,000",
        "Gain, points",
        "P95",
        "Escalated",
        "Rule",
    )
    if found := summary.operating_points:
        rows = [
            _point(it.name, it.test, it.rule, first=it is found[0], on_bounds=it.on_bounds)
            for it in found
        ]
    else:
        rows = [_point(test.policy, test, "this policy", first=True)]
    return TableBlock(f"Operating points, {forms.count(test.n_requests)} requests of {test.split}",
                 heads, rows, words=(0, 6))  # fmt: skip


def _made(test: Figures) -> list[Text]:
    """How the intervals of the first row were made."""
    if not test.interval_methods:
        return []
    return [Text(f"How they were made, first row: {'; '.join(test.intervals_made)}.")]


def _point(
    name: str, it: PointFigures | Figures, rule: str, *, first: bool, on_bounds: str = ""
) -> list[Cell]:
    named = forms.short(name, 60) + (" (exported)" if first else "")
    return [
        Cell(named, strong=first),
        _cell(forms.quality, it.quality, it.quality_ci),
        _cell(forms.usd, it.usd_per_1k, it.usd_per_1k_ci),
        _cell(forms.points, it.gain_vs_zero_router, it.gain_ci),
        Cell(forms.seconds(it.latency_p95_s), it.latency_p95_s),
        Cell(forms.share(it.escalation_rate), it.escalation_rate),
        Cell(f"{rule}; bounds {on_bounds} on test" if on_bounds else rule),
    ]


def _against(test: Figures) -> list[PlotBlock]:
    """Differences in quality and in cost."""
    found = test.baselines[:DRAWN]
    gains = [points(_name(it), it.quality_gain, it.quality_gain_ci) for it in found]
    saved = [WhiskerLine(_name(it), it.saving_usd_per_1k, it.saving_usd_per_1k_ci) for it in found]
    better, cheaper = (
        [line.name for line in lines if line.interval[0] > 0] for lines in (gains, saved)
    )
    quality = "Policy minus baseline on the same requests."
    quality += f" Beyond chance better than {forms.names(better)}."
    cost = f"Baseline minus policy. Beyond chance cheaper than {forms.names(cheaper)}."
    sides = ("baseline better", "policy better")
    return [
        whiskers_plot("against-quality", "Quality against each baseline", quality, gains, sides,
                 "points of quality"),
        whiskers_plot("against-cost", "Cost against each baseline", cost, saved,
                 ("baseline cheaper", "policy cheaper"), "USD per 1,000 requests"),
    ]  # fmt: skip


def _baselines(found: tuple[Baseline, ...]) -> TableBlock:
    heads = ("Baseline", "Quality", "USD per 1,000", "Policy adds, points", "Policy saves, USD")
    rows = [_baseline(it) for it in found[:MOST]]
    return TableBlock("Baselines on the same requests", heads, rows, total=len(found))


def _baseline(it: Baseline) -> list[Cell]:
    return [
        Cell(forms.short(_name(it), 80)),
        _cell(forms.quality, it.quality, it.quality_ci),
        _cell(forms.usd, it.usd_per_1k, it.usd_per_1k_ci),
        _cell(forms.points, it.quality_gain, it.quality_gain_ci),
        _cell(forms.usd_change, it.saving_usd_per_1k, it.saving_usd_per_1k_ci),
    ]


def _cell(form: Callable[[float], str], value: float, ends: Range) -> Cell:
    return Cell(form(value), value, forms.interval(form, ends))


def _name(it: Baseline) -> str:
    if it.name.startswith(FIXED):
        return f"{it.name.removeprefix(FIXED)} alone"
    return it.name.replace("_", " ")
