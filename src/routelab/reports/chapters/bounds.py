"""The chapter on the user's bounds, on tune and on test."""

from __future__ import annotations

from collections.abc import Callable

from routelab.reports import forms
from routelab.reports.blocks import Cell, Chapter, TableBlock, Text
from routelab.reports.summary import BoundSummary, Summary

MOST = 60
"""Bounds in the table."""

_NAMES: dict[str, tuple[str, Callable[[float], str], str]] = {
    "cost": ("Cost, USD per 1,000", forms.usd, "at most"),
    "quality": ("Quality", forms.quality, "at least"),
    "latency_p95": ("P95 latency", forms.seconds, "at most"),
}


def bounds_chapter(summary: Summary) -> Chapter | None:
    """Every bound on tune and test; None where none was set."""
    found = summary.bounds
    if not found:
        return None
    missed = [it for it in found if not it.met]
    shown = sorted(found, key=lambda it: (it.met, it.proven is not False))[:MOST]
    heads = ("Bound", "Allowed", "Tune", "Test", "Requests", "On test")
    rows = [_row(it) for it in shown]
    table = TableBlock("Bounds", heads, rows, words=(0, 5), total=len(found))
    return Chapter("bounds", "Bounds", [Text(_reading(found, missed)), table])


def _reading(found: tuple[BoundSummary, ...], missed: list[BoundSummary]) -> str:
    open_ = sum(it.met and it.proven is False for it in found)
    all_met = f"all {len(found)} are met" if len(found) > 1 else "it is met"
    if open_:
        all_met += f", {open_} of them not proven" if len(found) > 1 else ", but not proven"
    word = f"{len(missed)} of {len(found)} missed" if missed else all_met
    groups = any("=" in it.bound for it in found)
    return (
        "The exported policy met every bound on the tune part, where it was chosen. On test,"
        f" {word}. A bound is met by the figure itself, and surely holds where the whole interval"
        " keeps to it; otherwise it is met, but not proven, and no reason to ship."
        + (
            " A group's loss is how many points of quality less it gets than the best single model"
            " gives it, on the same requests; of many groups some miss a tight bound by chance."
            if groups
            else ""
        )
    )


def _row(it: BoundSummary) -> list[Cell]:
    name, form, side = _NAMES.get(it.bound, (f"Loss of {it.bound}, points", _lost, "at most"))
    settled = it.proven or not it.test_ci[0] <= it.limit <= it.test_ci[1]
    word = "met" if it.met else "missed"
    if it.met and it.proven is False:
        word, settled = "met, not proven", it.needed is None
    more = f", not settled: about {it.needed:,} requests would" if it.needed is not None else ""
    return [
        Cell(forms.short(name, 60), strong=not it.met),
        Cell(f"{side} {form(it.limit)}", it.limit),
        Cell(forms.NOTHING if it.tune is None else form(it.tune), it.tune),
        Cell(form(it.test), it.test, forms.interval(form, it.test_ci)),
        Cell(forms.count(it.n_requests), it.n_requests),
        Cell(word if settled else f"{word}{more or ', not settled'}", strong=not it.met),
    ]


def _lost(value: float) -> str:
    return forms.minus(f"{100 * value:.2f}")
