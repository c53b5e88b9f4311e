"""The thresholds: what moving them does, and whether the signal deserves them."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.core.messages import listed
from routelab.errors import PolicyError
from routelab.policies import from_wire
from routelab.replay.breakdown import Breakdown, ThresholdCurve
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, Gallery, Heading, Note, TableBlock, Text
from routelab.reports.explorer import Explorer, Landmark, single
from routelab.reports.plots import deferral_plot, models_plot, reliability_plot, threshold_plot
from routelab.reports.summary import Summary

_NONE = "has no thresholds of its own on a confidence signal, so there is none to move."


def thresholds_chapter(summary: Summary) -> Chapter:
    """Quality, cost and escalation over every threshold."""
    known = summary.breakdown
    if known is None or not known.thresholds:
        why = (
            f"The exported policy ({summary.wire.get('kind', 'none')}) {_NONE}"
            if known is not None
            else "What moving a threshold does is not part of this data."
        )
        return Chapter("thresholds", "Thresholds", [Note(why)])
    names = dict.fromkeys(curve.model for curve in known.thresholds)
    curves = [[c for c in known.thresholds if c.model == name] for name in names]
    plots = [threshold_plot(f"threshold-{i}", _by_part(found)) for i, found in enumerate(curves)]
    blocks: list[Block] = [Text(_reading(known.thresholds)), Gallery(plots)]
    if known.grid is not None:
        lead = Heading("One threshold at a time")
        blocks = [Explorer(known.grid, _landmarks(summary)), lead, *blocks]
    if not any(curve.part == "tune" for curve in known.thresholds):
        blocks += [Note("Curves of the tune part, on which thresholds are chosen, are missing.")]
    return Chapter("thresholds", "Thresholds", blocks)


def _landmarks(summary: Summary) -> list[Landmark]:
    """Where the models alone and the other operating points are."""
    alone = [single(it.name, it.quality, it.usd) for it in models_plot(summary)]
    others = summary.operating_points[1:]
    return alone + [
        Landmark(it.name, "policy", it.test.quality, it.test.usd_per_1k) for it in others
    ]


def _reading(curves: Sequence[ThresholdCurve]) -> str:
    parts = {curve.part for curve in curves}
    seen = (
        " Solid is test, dashed is tune, where they were chosen."
        if {"tune", "test"} <= parts
        else ""
    )
    return f"Each moves alone, the others stay. The dot is the exported policy.{seen}"


def _by_part(curves: Sequence[ThresholdCurve]) -> list[ThresholdCurve]:
    """The part that figures are shown of comes last."""
    return sorted(curves, key=lambda curve: curve.part != "tune")


def _unheld(summary: Summary) -> str:
    """Why no signal is held against a threshold."""
    try:
        policy = from_wire(summary.wire) if summary.wire else None
    except PolicyError:  # the opening tells what is wrong
        policy = None
    if policy is None or not policy.signals_used:
        return "The exported policy uses no confidence signal."
    return (
        f"The exported policy reads {listed(policy.signals_used)}, but is no cascade that holds"
        " one signal against thresholds for all requests, so there are no curves to draw here."
    )


def signal(summary: Summary) -> Chapter:
    """How well the signal tells right answers from wrong: deferral curves and reliability."""
    known = summary.breakdown
    if known is None or not (known.deferral or known.reliability):
        why = (
            _unheld(summary)
            if known is not None
            else "How good the signal is, is not part of this data."
        )
        return Chapter("signal", "Confidence signal", [Note(why)])
    plots = [deferral_plot(f"deferral-{i}", it) for i, it in enumerate(known.deferral)]
    bins = [reliability_plot(f"reliability-{i}", it) for i, it in enumerate(known.reliability)]
    pairs = [plot for pair in zip(plots, bins, strict=False) for plot in pair]
    rest = [*plots[len(bins) :], *bins[len(plots) :]]
    return Chapter(
        "signal",
        "Confidence signal",
        [
            Text(
                "A cascade is as good as its signal: does it hand on the answers that the next"
                " model would improve, and are confident answers right?"
            ),
            Gallery([*pairs, *rest]),
            _table(known),
        ],
    )


def _table(known: Breakdown) -> TableBlock:
    areas = {it.model: it for it in known.deferral}
    rows = [
        [
            Cell(forms.short(it.model, 80)),
            Cell(forms.short(it.signal, 80)),
            Cell(forms.quality(it.auroc), it.auroc),
            Cell(forms.quality(it.ece), it.ece),
            _area(areas[it.model].area if it.model in areas else None),
            _deferred(areas[it.model].chosen_share if it.model in areas else None),
        ]
        for it in known.reliability
    ]
    heads = ("Model", "Signal", "AUROC", "ECE", "Deferral area (1 = oracle)", "Handed on")
    return TableBlock("The signal on test, model by model", heads, rows, words=(0, 1))


def _area(area: float | None) -> Cell:
    return Cell("nothing to gain" if area is None else forms.quality(area), area)


def _deferred(share: float | None) -> Cell:
    return Cell(forms.NOTHING if share is None else forms.share(share), share)
