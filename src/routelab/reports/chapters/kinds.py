"""The chapter on kinds of policy: what was tried, what it came to, and what was planned."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.core.messages import known, wording
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, Gallery, PlotBlock, TableBlock, Text
from routelab.reports.learning_summary import KindSummary, PlanSummary, TriedSummary
from routelab.reports.plots import points, whiskers_plot
from routelab.reports.summary import Summary
from routelab.tuning.selection import SURE


def kinds_chapter(summary: Summary) -> Chapter | None:
    """The kinds of policy compared, and the plan; None where one kind was asked for."""
    found = summary.kinds
    won = next((it for it in found if it.won), None)
    blocks: list[Block] = []
    if won is not None and len(found) > 1:
        blocks.append(Text(_reading(won, found)))
        if summary.tried:
            blocks.append(_at_own_points(summary.tried))
        blocks += [Gallery([_against(won, found)]), _table(won, found)]
    if summary.plan is not None and summary.plan.steps:
        blocks += _planned(summary, summary.plan)
    return Chapter("kinds", "Kinds of policy", blocks) if blocks else None


def cut_short(summary: Summary) -> list[str]:
    """What the clock cut, for those who look no further than the first screen."""
    if not summary.cut_short:
        return []
    what, one = wording.listed(summary.cut_short), len(summary.cut_short) == 1
    return [
        f"The clock cut this study short: {what} {'was' if one else 'were'} planned and not begun,"
        " so that the same seed may end otherwise on another machine. A larger budget ends it."
    ]


def _at_own_points(tried: Sequence[TriedSummary]) -> TableBlock:
    heads = ("Kind", "Quality", "USD per 1,000", "Gain over a mix, points")
    rows = [
        [
            Cell(
                f"{it.kind}{' (exported)' if it.exported else ''}"
                f"{', a single model' if it.single else ''}",
                strong=it.exported,
            ),
            Cell(
                forms.quality(it.quality), it.quality, forms.interval(forms.quality, it.quality_ci)
            ),
            Cell(forms.usd(it.usd_per_1k), it.usd_per_1k),
            Cell(forms.points(it.gain), it.gain, forms.interval(forms.points, it.gain_ci)),
        ]
        for it in tried
    ]
    return TableBlock("Kinds tried, each at its own point on test", heads, rows)


def _planned(summary: Summary, plan: PlanSummary) -> list[Block]:
    """What was to be done within the budget, by the log's shape alone."""
    budget = summary.budget_s
    of = "" if budget is None else f" of {budget:g} s"
    text = (
        "What is tried was fixed beforehand, by the budget"
        f"{of} and the log's shape alone: {plan.trials:,} trials of the randomised search"
    )
    if plan.rows is not None:
        text += f", scorers from {plan.rows:,} requests at most"
    text += "." if not plan.left_out else f"; no room for {wording.listed(plan.left_out)}."
    rows = [
        [
            Cell(it.name),
            Cell(f"{it.seconds:.1f}", it.seconds),
            Cell(f"{it.later_s:.1f}", it.later_s),
            Cell("not begun" if it.name in summary.cut_short else "done"),
        ]
        for it in plan.steps
    ]
    heads = ("Step", "Expected seconds", "And to compare", "")
    return [Text(text), TableBlock("The plan", heads, rows, words=(0, 3))]


def _reading(won: KindSummary, found: Sequence[KindSummary]) -> str:
    return (
        f"{len(found)} kinds of policy were searched, and compared at every cost on folds that they"
        " were not chosen on: from the simplest on, a kind takes the place of those before where"
        f" it leads them by {SURE:g} standard errors or more. At the cost of what was exported that"
        f" is {won.kind}. On test it stands against the best policy of every other kind at the same"
        " cost."
    )


def _against(won: KindSummary, found: Sequence[KindSummary]) -> PlotBlock:
    lines = [
        points(it.kind, it.gain_behind, it.gain_behind_ci)
        for it in found
        if it.gain_behind is not None and it.gain_behind_ci is not None
    ]
    ahead = [line.name for line in lines if line.interval[0] > 0]
    behind = [line.name for line in lines if line.interval[1] < 0]
    alt = (
        f"Gain of {won.kind} over the zero router minus that of each other kind, on the same test"
        f" requests. Beyond chance it leads {wording.listed(ahead) or 'none'}"
        f"{f', and loses to {wording.listed(behind)}' if behind else ''}."
    )
    sides = ("the other is better", f"{forms.short(won.kind, 16)} is better")
    title = f"What {won.kind} gains over the other kinds"
    return whiskers_plot("kinds", title, alt, lines, sides, "points of quality")


def _table(won: KindSummary, found: Sequence[KindSummary]) -> TableBlock:
    heads = (
        "Kind, simplest first",
        "AIQ on tune",
        "AIQ held out",
        f"{won.kind.capitalize()} gains more, points",
    )
    return TableBlock("Kinds searched", heads, [_row(it) for it in found])


def _row(it: KindSummary) -> list[Cell]:
    named = f"{it.kind} (exported)" if it.won else it.kind
    behind = Cell(forms.NOTHING)
    if it.gain_behind is not None and it.gain_behind_ci is not None:
        ends = forms.interval(forms.points, it.gain_behind_ci)
        behind = Cell(forms.points(it.gain_behind), it.gain_behind, ends)
    aiq = Cell(known(it.aiq_tune, ".4f", otherwise=forms.NOTHING), it.aiq_tune)
    held = it.aiq_held_out
    fair = Cell(known(held, ".4f", otherwise=forms.NOTHING), held)
    return [Cell(named, strong=it.won), aiq, fair, behind]
