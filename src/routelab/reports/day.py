"""Simulated days as a page: whether the objectives held, and what went on meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.core.storage import AttemptRecord, Record, StepRecord
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, Note, TableBlock, Text
from routelab.reports.chapters import FORMS, HeadlineFigure, Opening, deployments_chapter
from routelab.reports.plots import timeline_plot, windows
from routelab.reports.render import Report, pages
from routelab.simulate import CheckedObjective, Day, Scenario

_OBJECTIVES = ("Objective", "Verdict", "Measured", "Demanded", "Of", "Requests")


def render_day(
    days: Sequence[Day], checks: Sequence[Sequence[CheckedObjective]], scenario: Scenario, log: str
) -> Report:
    """The page on simulated days and its Markdown twin; the same days give the same bytes.

    Args:
        scenario: faults and surges of the days.
        days: one for each policy, on the same arrivals.
        checks: objectives with their figures, for each day; empty where none were set.
        log: name of the log, for people.
    """
    names = _names(days)
    chapters = [_objectives(names, checks)]
    if len(days) > 1:
        chapters.append(Chapter("side", "Side by side", [_side_by_side(names, days)]))
    for at, (name, day) in enumerate(zip(names, days, strict=True)):
        told = "" if len(days) == 1 else f": {forms.short(name, 40)}"
        chapters += _chapters(f"d{at}", told, day, scenario)
    return pages(_opening(names, days, checks, scenario, log), chapters, ())


def _names(days: Sequence[Day]) -> list[str]:
    """Names that tell the days apart."""
    plain = [day.policy for day in days]
    return [
        name if plain.count(name) == 1 else f"{name} ({plain[: at + 1].count(name)})"
        for at, name in enumerate(plain)
    ]


def _opening(
    names: Sequence[str],
    days: Sequence[Day],
    checks: Sequence[Sequence[CheckedObjective]],
    scenario: Scenario,
    log: str,
) -> Opening:
    missed = [sum(not it.holds for it in one) for one in checks]
    held = sum(n == 0 for n in missed)
    if not checks:
        word, kind, mark = "No objectives", "none", forms.NOTHING
    elif held == len(days):
        word, kind, mark = "Every objective holds", "ship", "✓"
    elif len(days) == 1:
        word, kind, mark = f"{missed[0]} of {len(checks[0])} objectives missed", "stop", "✕"
    else:
        word, kind, mark = f"{held} of {len(days)} policies hold", "stop", "✕"
    first, shaded = days[0], windows(scenario)
    return Opening(
        name=" · ".join(forms.short(name, 40) for name in names[:4]),
        kind=kind,
        mark=mark,
        word=word,
        sentence=(
            f"{forms.short(scenario.name or 'A simulated day', 80).capitalize()}:"
            f" {forms.count(len(first))} requests of {forms.short(log, 60)} in"
            f" {_minutes(float(first.arrived_s[-1]))} from {first.starts_at} UTC,"
            f" {_lost(first)} without an answer."
        ),
        reasons=_reasons(names, checks),
        figures=_figures(first),
        route=[
            *([forms.clipped(scenario.story, 300)] if scenario.story else []),
            *(f"{forms.short(it.name, 80)}, {it.from_s:g} to {it.to_s:g} s" for it in shaded),
        ],
        heading="What happens",
    )


def _reasons(names: Sequence[str], checks: Sequence[Sequence[CheckedObjective]]) -> list[str]:
    found = []
    for name, one in zip(names, checks, strict=False):
        for it in one:
            if not it.holds:
                label, form, side = FORMS[it.objective]
                told = "" if len(names) == 1 else f"{forms.short(name, 40)}: "
                found.append(
                    f"{told}{label} of {forms.short(it.where, 60)} is {form(it.value)};"
                    f" {side} {form(it.bound)} is demanded"
                )
    return found


def _figures(day: Day) -> tuple[HeadlineFigure, ...]:
    it = day.summary()
    return (
        HeadlineFigure(
            "Without an answer", forms.share(it["error_rate"]), f"{it['failed']:,} requests"
        ),
        HeadlineFigure(
            "P95",
            forms.seconds(it.get("latency_p95_s")),
            f"P50 {forms.seconds(it.get('latency_p50_s'))}",
        ),
        HeadlineFigure("USD per 1,000", forms.usd(it["usd_per_1k"]), "of all requests"),
        HeadlineFigure("Quality", forms.quality(it["quality"]), "0 without an answer"),
        HeadlineFigure(
            "Attempts a call",
            f"{it['attempts_per_call']:.3f}",
            f"{forms.share(it['struck_share'])} changed by faults",
        ),
    )


def _objectives(names: Sequence[str], checks: Sequence[Sequence[CheckedObjective]]) -> Chapter:
    if not checks:
        return Chapter("choice", "Objectives", [Note("No objectives were given.")])
    rows = [
        [*([Cell(forms.short(name, 40))] if len(names) > 1 else []), *_objective(it)]
        for name, one in zip(names, checks, strict=True)
        for it in one
    ]
    heads = (*(("Policy",) if len(names) > 1 else ()), *_OBJECTIVES)
    wordy = (0, 1, 2, 5) if len(names) > 1 else (0, 1, 4)
    reading = (
        "Whether an objective holds is decided by its measured value. Intervals are 95 %, as if"
        " requests were independent of each other; while something is wrong they are not, and"
        " the intervals are too narrow."
    )
    return Chapter(
        "choice", "Objectives", [TableBlock("Objectives", heads, rows, wordy), Text(reading)]
    )


def _objective(it: CheckedObjective) -> list[Cell]:
    label, form, side = FORMS[it.objective]
    return [
        Cell(label, strong=not it.holds),
        Cell("holds" if it.holds else "missed", strong=not it.holds),
        Cell(form(it.value), it.value, forms.interval(form, it.interval)),
        Cell(f"{side} {form(it.bound)}", it.bound),
        Cell(forms.short(it.where, 60)),
        Cell(forms.count(it.n), it.n),
    ]


def _side_by_side(names: Sequence[str], days: Sequence[Day]) -> TableBlock:
    heads = ("Policy", "Without an answer", "P50", "P95", "P99", "USD per 1,000", "Quality",
             "Escalated", "Attempts a call")  # fmt: skip
    rows = []
    for name, day in zip(names, days, strict=True):
        it = day.summary()
        latencies = [it.get(f"latency_{which}_s") for which in ("p50", "p95", "p99")]
        rows.append([
            Cell(forms.short(name, 40)),
            Cell(forms.share(it["error_rate"]), it["error_rate"], f"{it['failed']:,} requests"),
            *(Cell(forms.seconds(value), value) for value in latencies),
            Cell(forms.usd(it["usd_per_1k"]), it["usd_per_1k"]),
            Cell(forms.quality(it["quality"]), it["quality"]),
            Cell(forms.share(it["escalation_rate"]), it["escalation_rate"]),
            Cell(f"{it['attempts_per_call']:.3f}", it["attempts_per_call"]),
        ])  # fmt: skip
    return TableBlock("The same arrivals, the same faults", heads, rows)


def _chapters(key: str, told: str, day: Day, scenario: Scenario) -> list[Chapter]:
    traces: list[Block] = []
    if day.failures:
        lost = int((~day.answered).sum())
        traces.append(
            _traces("The first requests without an answer", day.failures, lost, day.starts_s)
        )
    if day.latency_known:
        n = int(day.answered.sum())
        traces.append(_traces("The slowest answers", day.slowest, n, day.starts_s))
    return [
        Chapter(f"{key}-time", f"Over time{told}", [timeline_plot(key, day, scenario)]),
        Chapter(f"{key}-where", f"Deployments{told}", deployments_chapter(day)),
        Chapter(f"{key}-who", f"Slow and lost{told}", traces or [Note("Nothing was lost.")]),
    ]


def _traces(caption: str, found: Sequence[Record], total: int, starts_s: float) -> TableBlock:
    heads = ("Request", "Arrived", "Took", "USD", "What happened")
    rows = [
        [
            Cell(forms.short(it.request_id, 30)),
            Cell(forms.seconds(_arrived(it, starts_s)), _arrived(it, starts_s)),
            Cell(forms.seconds(it.latency_s), it.latency_s),
            Cell(forms.usd(it.cost_usd), it.cost_usd),
            Cell(_trace(it)),
        ]
        for it in found
    ]
    return TableBlock(caption, heads, rows, words=(0, 4), total=total, long=(4,))


def _arrived(it: Record, starts_s: float) -> float:
    return max(0.0, it.timestamp_s - starts_s - (it.latency_s or 0.0))


def _trace(it: Record) -> str:
    steps = [_step(step) for step in it.steps]
    if it.error is not None:
        steps.append(forms.clipped(it.error, 300))
    return " → ".join(steps) or it.status


def _step(step: StepRecord) -> str:
    held = "".join(
        f", {forms.short(name, 20)} {forms.plain(value)}"
        + ("" if step.threshold is None else f" of {forms.plain(step.threshold)}")
        for name, value in step.signals.items()
    )
    attempts = "; ".join(_attempt(one) for one in step.attempts)
    return f"{forms.short(step.model, 30)} ({attempts or 'not sent'}{held})"


def _attempt(one: AttemptRecord) -> str:
    where = forms.short(one.provider or one.deployment, 24)
    waited = f" after {forms.seconds(one.queued_s)} in line" if one.queued_s >= 0.005 else ""
    if one.error is None:
        return f"{where} {forms.seconds(one.latency_s)}{waited}"
    return f"{where} {forms.clipped(one.error, 160)}, {forms.seconds(one.latency_s)}{waited}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"


def _lost(day: Day) -> str:
    lost = int((~day.answered).sum())
    return "none" if not lost else forms.count(lost)
