"""The chapter on scorers: what was learned, and whether it is more than the task."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from routelab.replay.breakdown import ReliabilityBins
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, Gallery, Note, PlotBlock, TableBlock, Text
from routelab.reports.learning_summary import (
    CorrectnessSummary,
    EstimateSummary,
    LearningSummary,
    RankingSummary,
)
from routelab.reports.plots import (
    RankingLine,
    importance_plot,
    ranking_plot,
    recovery_plot,
    reliability_plot,
)
from routelab.reports.summary import Summary

MOST = 8
"""Models whose predictions are drawn."""
_REQUESTS, _TASKS = "requests never seen", "tasks never seen"
_READING = (
    "APGR is the mean share of the gap between the two models that a ranking recovers, .5 at"
    " random; CPT is the share of strong calls that recovers as much of it; a deferral area of 1"
    " is the oracle's. The lead is over the best ranking that needs no learning."
)


def scorers_chapter(summary: Summary) -> Chapter | None:
    """Ranking, calibration and features of the scorers; None where nothing was learned."""
    known = summary.account
    if known is None:
        return None
    pair = f"{forms.short(known.weak, 60)} and {forms.short(known.strong, 60)}"
    blocks: list[Block] = [
        Text(
            f"Can a request be told by its looks to need {forms.short(known.strong, 60)} instead of"
            f" {forms.short(known.weak, 60)}? Judged on {forms.count(known.n)} requests that a"
            " scorer had not learned from."
        ),
        (Note if known.learned_task else Text)(known.statement),
    ]
    ways = list(_ways(known))
    if any(it.apgr.value is not None for _, it in ways):
        plots = [ranking_plot(f"{pair}: gap recovered (APGR)", _lines(ways)), *_curve(known)]
        blocks += [Text(_READING), Gallery(plots), _rankings(ways)]
    seen = list(known.correctness.items())[:MOST]
    more = [reliability_plot(f"right-{at}", _bins(name, it)) for at, (name, it) in enumerate(seen)]
    if known.important:
        more.append(importance_plot(known.important))
    if more:
        blocks.append(Gallery(more))
    if seen:
        blocks.append(_predictions(known))
    return Chapter("learned", "What was learned", blocks)


def _ways(known: LearningSummary) -> Iterator[tuple[str, RankingSummary]]:
    yield _REQUESTS, known.random
    yield _TASKS, known.leave_task_out
    yield "the test part", known.test
    yield "after the first answer", known.after_answer


def _lines(ways: Sequence[tuple[str, RankingSummary]]) -> list[RankingLine]:
    """The scorer of each way of judging, then what needs no learning."""
    found = []
    for way, it in ways:
        if it.apgr.value is None:
            continue
        found += [RankingLine(way, None), RankingLine("this scorer", it.apgr, ours=True)]
        found += [RankingLine(name, value) for name, value in it.baselines.items()]
    return found


def _curve(known: LearningSummary) -> Iterator[PlotBlock]:
    ways = [(_REQUESTS, known.random), (_TASKS, known.leave_task_out)]
    found = [(name, it) for name, it in ways if it.cpt50.value is not None]
    if found:
        yield recovery_plot(known.strong, found)


def _rankings(ways: Sequence[tuple[str, RankingSummary]]) -> TableBlock:
    heads = ("Judged on", "APGR", "CPT 50%", "CPT 80%", "Deferral area", "Lead", "Over")
    rows = [
        [
            Cell(way, aside=f"{forms.count(it.n)} requests"),
            *map(_cell, (it.apgr, it.cpt50, it.cpt80, it.deferral_area)),
            *_lead(it),
        ]
        for way, it in ways
        if it.apgr.value is not None
    ]
    return TableBlock("How well it ranks", heads, rows, words=(0, 6))


def _lead(it: RankingSummary) -> tuple[Cell, Cell]:
    """Over the best ranking that needs no learning, and which that is."""
    known = {name: one for name, one in it.lead.items() if one.value is not None}
    if not known:
        return Cell(forms.NOTHING), Cell(forms.NOTHING)
    name, least = min(known.items(), key=lambda pair: pair[1].value or 0.0)
    ends = "" if least.ci is None else forms.interval(_signed, least.ci)
    return Cell(_signed(least.value or 0.0), least.value, ends), Cell(forms.short(name, 24))


def _signed(value: float) -> str:
    return forms.minus(f"{value:+z.3f}")


def _cell(it: EstimateSummary) -> Cell:
    if it.value is None:
        return Cell("none" if it.reason else forms.NOTHING, aside=it.reason)
    return Cell(forms.quality(it.value), it.value, _ends(it))


def _ends(it: EstimateSummary) -> str:
    return "" if it.ci is None else forms.interval(forms.quality, it.ci)


def _bins(model: str, it: CorrectnessSummary) -> ReliabilityBins:
    """A reliability diagram in the form that those of signals have."""
    filled = [
        (math.nan if one.probability is None else one.probability,
         math.nan if one.quality is None else one.quality)
        for one in it.diagram
    ]  # fmt: skip
    return ReliabilityBins(
        model=model,
        signal="predicted P(right)",
        probability=True,
        low=tuple(one.low for one in it.diagram),
        high=tuple(one.high for one in it.diagram),
        n=tuple(one.rows for one in it.diagram),
        confidence=tuple(one for one, _ in filled),
        quality=tuple(one for _, one in filled),
        ece=it.ece.value,
        auroc=it.auroc.value,
    )


def _predictions(known: LearningSummary) -> TableBlock:
    heads = ("Model", "AUROC", "Brier", "Brier of the mean", "ECE")
    rows = [
        [
            Cell(forms.short(name, 80)),
            _cell(it.auroc),
            _cell(it.brier),
            Cell(forms.quality(it.brier_of_mean), it.brier_of_mean),
            _cell(it.ece),
        ]
        for name, it in known.correctness.items()
    ]
    return TableBlock(
        "Predicted P(right), model by model, on requests not learned from", heads, rows
    )
