"""Figures as tables for a terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from routelab.cli.flags import with_flags
from routelab.cli.streams import writing
from routelab.core import Policy
from routelab.core.messages import listed, wording
from routelab.errors import visible
from routelab.policy_file import Certificate, CertifiedBound, seconds_text
from routelab.replay import Baseline, Figures
from routelab.tuning import Study, Verdict
from routelab.tuning.objectives import ENOUGH, on_bounds
from routelab.tuning.partitions import PartitionedStudy
from routelab.tuning.study import SeedSpread, caveats

_STYLES = {"ship": "bold green", "not proven": "bold yellow", "do not route": "bold red"}
_SAVING = {"proven": "bold green", "not proven": "bold yellow"}
_WIDTH = 150

_POINTS = {
    "least-cost": f"default: least cost at {ENOUGH:.0%} of the best model's quality, chosen on"
    " requests outside test",
    "most-quality": "exported is the most quality at what the best model costs",
    "knee": "exported is the knee, where more money begins to buy less",
}
"""What is exported where no bound says so."""

_CUT = {"column": "as column split says", "time": "by time", "random": "at random"}

escaped = escape
"""Text with nothing that reads as markup."""


def show(*parts: RenderableType) -> None:
    """Print on standard output, wide enough to read when piped."""
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=_WIDTH)
    with writing():
        console.print(_Visible(Group(*parts)))


class _Visible:
    """What is to be printed, with escapes for what is not seen: names in it are anybody's text."""

    def __init__(self, inside: RenderableType) -> None:
        self._inside = inside

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inside, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def flow(texts: Iterable[str]) -> None:
    """Print texts as they come, one after the other."""
    console = Console(file=sys.stdout, highlight=False)
    try:
        for text in texts:
            console.print(Text(visible(text)), end="", soft_wrap=True)
    finally:
        console.print()  # also before an error


def verdict(judged: Verdict) -> RenderableType:
    """The verdict and its reasons."""
    lines = "\n".join(f"  - {with_flags(reason)}" for reason in judged.reasons)
    return f"{verdict_line(judged)}\n{escaped(lines)}"


def verdict_line(judged: Verdict) -> str:
    """The verdict alone, with that on saving where there is one."""
    words = f"verdict: [{_STYLES[judged.word]}]{judged.word}[/]"
    if (saving := judged.saving) is not None and saving.word in _SAVING:
        words += f"; saving at equal quality: [{_SAVING[saving.word]}]{saving.word}[/]"
    return words


def study_end(
    found: Study | PartitionedStudy,
    policy: Path,
    kept: Path,
    *,
    searched: str = "",
    report: str = "",
) -> list[RenderableType]:
    """How the exported policy routes, the verdict, and where everything was written.

    Args:
        policy, kept: directories of the policy and of its study.
        searched: a line on the search, for before the places.
        report: a line on the report, for after them.
    """
    return [
        routes(found.policy),
        verdict(found.verdict),
        escaped(f"{searched}policy: {policy}"),
        escaped(f"study:  {kept}") + report,
    ]


def study(found: Study | PartitionedStudy) -> RenderableType:
    """Operating points on test, then what the exported one adds to every baseline."""
    rows = [
        (f"{point.name}{' (exported)' if index == 0 else ''}", figures)
        for index, (point, figures) in enumerate(zip(found.points, found.tested, strict=True))
    ]
    rules = "\n".join(f"   {it.name}: {it.rule} on tune" for it in found.points)
    return Group(
        policies(rows, "Operating points on test", [on_bounds(it) for it in found.judged]),
        escaped(rules),
        *cost_condition(found.figures),
        *unbound(found),
        f"   {parts_line(found)}",
        f"   searched on {listed(found.searched)}, which tables call tune; judged on test",
        baselines(found.figures),
    )


def parts_line(found: Study | PartitionedStudy) -> str:
    """How many requests each part has, and what became of the others."""
    parts = ", ".join(f"{part} {n:,}" for part, n in found.split.n.items())
    if late := found.split.dropped:
        parts += f"; {late:,} dropped, as their group began in an earlier part"
    if back := found.split.returned["test"] if found.split.returned else 0:
        none = "" if found.split.rule == "column" else "none dropped: "
        parts += f"; {none}{back:,} of test are of a {found.split.group} seen before"
    dropped = found.figures.n_dropped
    lack = f" ({dropped:,} of test dropped: no outcome of every candidate)" if dropped else ""
    return f"requests: {parts}{lack}; cut {_CUT[found.split.rule]}"


def unbound(found: Study | PartitionedStudy) -> list[str]:
    """Why this point was exported where no bound says so, and how to ask for another."""
    name = found.points[0].name
    if found.options.bounds.name_a_point or name not in _POINTS:
        return []
    return [f"   {_POINTS[name]}; --min-quality-share, --max-usd-per-1k or --point changes it"]


def budget_line(found: Study, seconds: float) -> str:
    """What was tried within the budget, what not, and how long it took."""
    plan = found.plan
    assert plan is not None
    text = f"tried {', '.join(it.kind for it in found.rivals)} in {seconds:.0f} s"
    if found.options.budget_s is not None:
        text += f" of {found.options.budget_s:g}"
    if plan.trials < found.options.trials and found.search is not None:
        text += f"; {plan.trials} trials of {found.options.trials}"
    if plan.rows is not None:
        pool = sum(found.split.n[it] for it in found.searched)
        text += f"; scorers learned from {plan.rows:,} of {pool:,} requests"
    if plan.left_out:
        text += f"; no room for {', '.join(plan.left_out)}: a larger --budget has"
    if found.cut_short:
        text += (
            f"; cut short by the clock, so that the same seed may end otherwise:"
            f" {', '.join(found.cut_short)}"
        )
    return text


def tried(found: Study) -> list[RenderableType]:
    """What every kind came to at its own point on test; nothing of one kind."""
    if not found.tried:
        return []
    made = table("Kinds tried, each at its own point on test", (
        "kind", "quality", "USD per 1,000", "gain, points", "AIQ on tune, held out",
    ))  # fmt: skip
    held_out = {it.kind: it.aiq_held_out for it in found.rivals}
    for it in found.tried:
        made.add_row(
            escaped(f"{it.kind}{' (exported)' if it.exported else ''}"),
            with_interval(it.quality, it.quality_ci, ".3f"),
            f"{it.usd_per_1k:.3f}",
            with_interval(it.gain, it.gain_ci, "+.1f", 100),
            "" if (area := held_out[it.kind]) is None else f"{area:.4f}",
        )
    return [made]


def routes(policy: Policy) -> str:
    """What the exported policy does, step by step."""
    steps = "\n".join(f"  {at}. {step}" for at, step in enumerate(policy.explained, 1))
    return f"how it routes:\n{escaped(steps)}"


def kind_choice(found: Study) -> list[RenderableType]:
    """Which kind was exported, and by how much it leads the others; nothing of one kind."""
    if len(found.rivals) < 2:
        return []
    lines = "\n".join(f"  - {text}" for text in caveats.rivals(found.rivals))
    return [f"exported: {found.kind}, of {len(found.rivals)} kinds; on test\n{escaped(lines)}"]


def search_line(found: Study) -> str:
    """How the randomised search went, as a line; nothing where there was none."""
    search = found.search
    if search is None:
        return ""
    done = f"trials: {search.trials:,} ({search.sampler})"
    resumed = f", {search.resumed:,} of them resumed" if search.resumed else ""
    shared = "" if search.processes == 1 else f", shared by {search.processes} processes"
    same = "" if search.processes == 1 else "; the result is the same with any number of them"
    return f"{done}{resumed}{shared}{same}\n"


def policies(
    rows: Sequence[tuple[str, Figures]], title: str, on_bounds: Sequence[str] = ()
) -> RenderableType:
    """Named figures, one line each, with 95 % intervals.

    Args:
        on_bounds: by row, whether the user's bounds are met; empty texts without any.
    """
    heads = ("policy", "quality", "USD per 1,000", "gain, points", "P95", "escalated")
    words = [(it,) for it in on_bounds] if any(on_bounds) else [()] * len(rows)
    made = table(title, (*heads, "bounds") if any(on_bounds) else heads)
    for (name, it), word in zip(rows, words, strict=True):
        made.add_row(
            escaped(name),
            with_interval(it.quality, it.quality_ci, ".3f"),
            with_interval(it.usd_per_1k, it.usd_per_1k_ci, ".3f"),
            with_interval(it.gain_vs_zero_router, it.gain_ci, "+.1f", 100),
            seconds_text(it.latency_p95_s),
            f"{it.escalation_rate:.1%}",
            *word,
        )
    return made


def cost_condition(figures: Figures) -> list[RenderableType]:
    """What the intervals in USD take for granted on so short a log; nothing where nothing is."""
    text = figures.cost_condition
    return [escaped(f"   interval of USD: {text}")] if text else []


def intervals_made(figures: Figures) -> RenderableType:
    """How each interval was made, a line each."""
    return escaped("\n".join(f"   {figures.policy}: {it}" for it in figures.intervals_made))


def baselines(figures: Figures) -> RenderableType:
    """Baselines on the same rows, and how the policy differs from each."""
    title = f"Baselines on the same {figures.n_requests} requests, beside {figures.policy}"
    heads = ("baseline", "quality", "USD per 1,000", "policy adds, points", "policy saves, USD")
    made = table(title, heads)
    for it in figures.baselines:
        made.add_row(*_baseline(it))
    if why := figures.baselines_left_out:
        made.caption = "left out: " + "; ".join(f"{name}, {it}" for name, it in why.items())
        made.caption_justify = "left"
    return made


def certificates(found: Certificate | None) -> list[RenderableType]:
    """What a study's certificate says, if one was asked for."""
    return [] if found is None else [certificate("Certificate", found)]


def seeds(found: SeedSpread | None) -> list[RenderableType]:
    """What other seeds came to, if any were tried."""
    if found is None:
        return []
    cut = "the same cut in time" if found.same_split else "each with a cut of its own"
    title = f"Other seeds, {cut}"
    shown = table(title, ("seed", "verdict", "models", "gain, points", "quality", "USD per 1,000"))
    for run in found.runs:
        shown.add_row(
            str(run.seed),
            run.verdict or "no policy",
            escaped(" > ".join(run.models) or run.problem or ""),
            with_interval(run.gain, run.gain_ci, "+.1f", 100),
            f"{run.quality:.3f}",
            f"{run.usd_per_1k:.3f}",
        )
    gain = found.gain
    return [
        shown,
        f"   gain {100 * gain.least:+z.1f} to {100 * gain.most:+z.1f} points, standard deviation"
        f" {100 * gain.deviation:.1f}",
    ]


def certificate(name: str, found: Certificate) -> RenderableType:
    """Every bound with what was measured, on the certified part and later."""
    heads = ("bound", found.part, f"limit at {1 - found.delta:g}", "p", "test", "drift")
    made = table(name, heads)
    for goal in found.goals:
        made.add_row(*_goal(goal))
    return made


def _goal(it: CertifiedBound) -> tuple[str, ...]:
    sign = "≥" if it.goal == "quality" else "≤"
    to = f" to {it.reference or 'the best model'}" if it.goal == "regret" else ""
    over = ", over groups" if it.unit == "group" else ""
    row = (
        escaped(f"{it.goal}{to} {sign} {it.bound:g}{over}"),
        f"{it.estimate:.4g}",
        f"{it.limit:.4g}",
        f"{it.p_value:.2g}",
    )
    if it.later is None:
        return (*row, "not read", "")
    drift = f"{with_interval(it.later.drift, it.later.drift_ci, '+.4g')}, p {it.later.drift_p:.2g}"
    return (*row, with_interval(it.later.estimate, it.later.interval, ".4g"), drift)


def _baseline(it: Baseline) -> tuple[str, ...]:
    return (
        escaped(it.name),
        with_interval(it.quality, it.quality_ci, ".3f"),
        with_interval(it.usd_per_1k, it.usd_per_1k_ci, ".3f"),
        with_interval(it.quality_gain, it.quality_gain_ci, "+.1f", 100),
        with_interval(it.saving_usd_per_1k, it.saving_usd_per_1k_ci, "+.3f"),
    )


def table(title: str, heads: Sequence[str]) -> Table:
    """An empty table; the first column names the row."""
    made = Table(title=f"\n{escaped(title)}", title_justify="left", title_style="bold", box=None)
    made.add_column(heads[0], overflow="fold")
    for head in heads[1:]:
        made.add_column(head, justify="right", no_wrap=True)
    return made


def with_interval(
    value: float, interval: tuple[float, float], form: str, scale: float = 1.0
) -> str:
    """A figure and its interval, each in this form and times this scale.

    There is no interval, and it is NaN, where all rows are of one group.
    """
    if any(map(math.isnan, interval)):
        return f"{scale * value:{form}} \\[no interval]"
    return escaped(wording.with_interval(value, interval, form, scale))
