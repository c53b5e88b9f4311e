"""A change of policy as a page for its reviewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from routelab.replay import Change, PolicyDifference, proved_changes
from routelab.replay.breakdown import FEWEST
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, Gallery, Note, TableBlock, Text
from routelab.reports.chapters import HeadlineFigure, Opening
from routelab.reports.plots import WhiskerLine, points, whiskers_plot
from routelab.reports.render import Report, pages

DRAWN, MOST = 16, 60
"""Tasks in a plot and in the table."""


def render_difference(it: PolicyDifference, log: str) -> Report:
    """The page on two policies compared and its Markdown twin; the same data give the same bytes.

    Args:
        it: the difference.
        log: name of the log, for people.
    """
    chapters = [_what(it), _answers(it), _settings(it)]
    return pages(_opening(it, log), [chapter for chapter in chapters if chapter], it.notes)


def _opening(it: PolicyDifference, log: str) -> Opening:
    low, high = it.gain.ci
    word, kind, mark = (
        ("Better", "ship", "✓") if low > 0 else
        ("Worse", "stop", "✕") if high < 0 else
        ("No difference is shown", "open", "?")
    )  # fmt: skip
    return Opening(
        name=f"{forms.short(it.old.policy, 40)} → {forms.short(it.new.policy, 40)}",
        kind=kind,
        mark=mark,
        word=word if it.changed or it.rebilled else "The same decisions",
        sentence=(
            f"On {forms.count(it.n_requests)} {it.part} requests of {forms.short(log, 60)},"
            f" {forms.share(it.changed)} are answered by another model; for the same money the new"
            f" policy scores {forms.points(it.gain.value)} points against the old one (95% interval"
            f" {forms.interval(forms.points, it.gain.ci)})."
        ),
        reasons=(),
        figures=(
            _figure("Quality, points", forms.points, it.quality),
            _figure("USD per 1,000", forms.usd_change, it.usd_per_1k),
            _figure("Gain, points", forms.points, it.gain),
            HeadlineFigure("Other model", forms.share(it.changed), "of requests"),
            HeadlineFigure("Other bill", forms.share(it.rebilled), "of requests, same model"),
        ),
        route=(),
    )


def _figure(label: str, form: Callable[[float], str], it: Change) -> HeadlineFigure:
    return HeadlineFigure(label, form(it.value), forms.interval(form, it.ci))


def _what(it: PolicyDifference) -> Chapter:
    """Figures side by side, and task by task."""
    rows = [
        _row("Quality", forms.quality, it.old.quality, it.new.quality, it.quality, forms.points),
        _row("USD per 1,000", forms.usd, it.old.usd_per_1k, it.new.usd_per_1k, it.usd_per_1k,
             forms.usd_change),
        _row("Gain over a mix, points", forms.points, it.old.gain_vs_zero_router,
             it.new.gain_vs_zero_router, it.gain, forms.points),
        _row("Escalated", forms.share, it.old.escalation_rate, it.new.escalation_rate, None,
             forms.points),
        _row("Latency P95", forms.seconds, it.old.latency_p95_s, it.new.latency_p95_s, None,
             forms.seconds),
    ]  # fmt: skip
    blocks: list[Block] = [
        TableBlock("Old and new on the same requests", ("Figure", "Old", "New", "Change"), rows)
    ]
    if it.tasks and (it.changed or it.rebilled):
        blocks += [Text(_counted(it)), Gallery(_plots(it)), _tasks(it)]
    return Chapter("choice", "What changes", blocks)


def _row(
    name: str, form: Callable[[Any], str], old: float | None, new: float | None,
    change: Change | None, moved: Callable[[float], str],
) -> list[Cell]:  # fmt: skip
    apart = Cell(forms.NOTHING)
    if change is not None:
        apart = Cell(moved(change.value), change.value, forms.interval(moved, change.ci))
    return [Cell(name), Cell(form(old), old), Cell(form(new), new), apart]


def _plots(it: PolicyDifference) -> list[Any]:
    shown = [one for one in it.tasks if one.moved][:DRAWN]
    found, together = (
        proved_changes(it.tasks),
        f"Beyond chance, all {len(it.tasks)} tasks taken together",
    )
    gains = [points(one.task, one.quality.value, one.quality.ci) for one in shown]
    saved = [WhiskerLine(one.task, one.usd_per_1k.value, one.usd_per_1k.ci) for one in shown]
    worse = f"New minus old. {together}, worse: {forms.names(found.worse)};"
    worse += f" better: {forms.names(found.better)}."
    more = f"New minus old. {together}, dearer: {forms.names(found.dearer)};"
    more += f" cheaper: {forms.names(found.cheaper)}."
    return [
        whiskers_plot("tasks-quality", "Quality by task", worse, gains,
                 ("old better", "new better"), "points of quality"),
        whiskers_plot("tasks-cost", "Cost by task", more, saved,
                 ("new cheaper", "new dearer"), "USD per 1,000 requests", good=-1),
    ]  # fmt: skip


def _counted(it: PolicyDifference) -> str:
    """What is shown of the tasks, and how an interval among many is read."""
    still = sum(not one.moved for one in it.tasks)
    return (
        "Each interval is of one task alone: among many some leave zero out by chance, and only"
        " what is said of all tasks together is beyond it. Left out:"
        f" {forms.count(still)} tasks on which nothing changed, and"
        f" {forms.count(it.small_tasks)} of fewer than {FEWEST} requests,"
        f" {forms.count(it.small_requests)} requests in all."
    )


def _tasks(it: PolicyDifference) -> TableBlock:
    moved = [one for one in it.tasks if one.moved]
    rows = [
        [
            Cell(forms.short(one.task or "not given", 80)),
            Cell(forms.count(one.n_requests), one.n_requests),
            Cell(forms.share(one.changed), one.changed),
            Cell(forms.points(one.quality.value), one.quality.value,
                 forms.interval(forms.points, one.quality.ci)),
            Cell(forms.usd_change(one.usd_per_1k.value), one.usd_per_1k.value,
                 forms.interval(forms.usd_change, one.usd_per_1k.ci)),
        ]
        for one in moved[:MOST]
    ]  # fmt: skip
    heads = ("Task", "Requests", "Other model", "Quality, points", "USD per 1,000")
    return TableBlock("By task, what moves the whole most first", heads, rows, total=len(moved))


def _answers(it: PolicyDifference) -> Chapter | None:
    """Who answers instead of whom, and on which requests."""
    if not it.moves:
        return None
    return Chapter("answers", "Who answers instead", list(_changed(it)))


def _changed(it: PolicyDifference) -> Iterator[Block]:
    moves = [
        [
            Cell(forms.short(one.old or "nobody", 60)),
            Cell(forms.short(one.new or "nobody", 60)),
            Cell(forms.count(one.n_requests), one.n_requests),
            Cell(forms.points(one.quality), one.quality),
            Cell(forms.usd_change(one.usd_per_1k), one.usd_per_1k),
        ]
        for one in it.moves
    ]
    by_model = ("Answered by", "Now by", "Requests", "Quality, points", "USD per 1,000")
    yield TableBlock("Changes on these requests", by_model, moves, words=(0, 1))
    examples = [
        [
            Cell(forms.short(one.id, 40)),
            Cell(forms.short(one.task, 40)),
            Cell(forms.short(one.old or "nobody", 40)),
            Cell(forms.short(one.new or "nobody", 40)),
            Cell(forms.points(one.quality), one.quality),
            Cell(forms.usd_change(one.cost_usd), one.cost_usd),
        ]
        for one in it.examples
    ]
    heads = ("Request", "Task", "Answered by", "Now by", "Points", "USD")
    yield TableBlock("Changed requests, losses first", heads, examples, words=(0, 1, 2, 3))


def _settings(it: PolicyDifference) -> Chapter:
    if not it.settings:
        return Chapter("settings", "Settings", [Note("No setting differs.")])
    rows = [[Cell(one.place), Cell(_value(one.old)), Cell(_value(one.new))] for one in it.settings]
    digests = f"SHA-256 of the policies: {it.old_digest} and {it.new_digest}."
    table = TableBlock("Set otherwise", ("Setting", "Old", "New"), rows, words=(0, 1, 2))
    return Chapter("settings", "Settings", [table, Text(digests)])


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return forms.short(" → ".join(map(str, value)), 200)
    return f"{value:.6g}" if isinstance(value, float) else forms.short(str(value), 200)
