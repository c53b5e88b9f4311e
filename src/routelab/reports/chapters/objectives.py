"""Objectives that policy and engine were chosen for on simulated days."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from routelab.reports import forms
from routelab.reports.blocks import Cell, Chapter, TableBlock, Text
from routelab.reports.summary import Summary
from routelab.simulate import CheckedObjective
from routelab.tuning.study import SloOutcome

FORMS: Mapping[str, tuple[str, Callable[[float], str], str]] = {
    "p50_latency_s": ("P50 latency", forms.seconds, "at most"),
    "p95_latency_s": ("P95 latency", forms.seconds, "at most"),
    "p99_latency_s": ("P99 latency", forms.seconds, "at most"),
    "usd_per_1k": ("USD per 1,000", forms.usd, "at most"),
    "quality": ("Quality", forms.quality, "at least"),
    "error_rate": ("Without an answer", lambda value: f"{100 * value:.3g}%", "at most"),
}
"""What an objective is called, how its values are written, and on which side of it they lie."""


def objectives_chapter(summary: Summary) -> Chapter | None:
    """Every objective on tune and test; None where none was set."""
    found = summary.slo
    if found is None:
        return None
    heads = ("Objective", "Verdict", "On test", "Demanded", "On tune", "Before, on test", "Of")
    rows = [
        _row(tuned, tested, before)
        for tuned, tested, before in zip(found.tune, found.test, found.before, strict=True)
    ]
    return Chapter(
        "objectives",
        "Objectives on simulated days",
        [TableBlock("Objectives", heads, rows, words=(0, 1, 6)), Text(_reading(found))],
    )


def _row(tuned: CheckedObjective, tested: CheckedObjective, before: CheckedObjective) -> list[Cell]:
    label, form, side = FORMS[tested.objective]
    return [
        Cell(label, strong=not tested.holds),
        Cell("holds" if tested.holds else "missed"),
        Cell(form(tested.value), tested.value, forms.interval(form, tested.interval)),
        Cell(f"{side} {form(tested.bound)}", tested.bound),
        Cell(form(tuned.value), tuned.value),
        Cell(form(before.value), before.value),
        Cell(forms.short(tested.where, 60)),
    ]


def _reading(it: SloOutcome) -> str:
    retry, timeout = it.engine.retry, it.timeout_s
    slow_s = it.engine.breaker.slow_s
    return (
        f"{forms.count(it.trials)} settings of policy and engine were tried on simulated days of"
        f" tune ({forms.short(it.scenario or 'no name', 80)}; arrivals"
        f" {forms.short(it.arrivals, 60)}), of which {forms.count(it.feasible)} kept every"
        f" objective. Exported is balancing {it.engine.balancing} with at most {retry.most} retries"
        f" from {retry.base_s:.3g} s"
        + ("" if timeout is None else f", a timeout of {timeout:.3g} s")
        + ("" if slow_s is None else f", and calls of {slow_s:g} s counting as slow")
        + ". Before is the policy that the search began with, with the engine as it was."
    )
