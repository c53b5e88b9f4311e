"""Simulated days as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from routelab.cli.output.tables import escaped, table, with_interval
from routelab.policy_file import seconds_text
from routelab.replay import TimedOutAnswers
from routelab.simulate import CheckedObjective, Day
from routelab.tuning import Study

_SHOWN = 12
"""Kinds of failed attempts that are listed; JSON has them all, by deployment."""

_HEADS = (
    "policy",
    "requests",
    "failed",
    "P50",
    "P95",
    "P99",
    "USD per 1,000",
    "quality",
    "attempts/call",
)


def days(found: Sequence[Day], scenario: str) -> RenderableType:
    """A row for each policy's day."""
    made = table(f"Simulated day: {scenario or 'unnamed scenario'}", _HEADS)
    for day in found:
        it = day.summary()
        refused = f"; refused: {it['refused']:,}" if it["refused"] else ""
        made.add_row(
            escaped(day.policy),
            f"{it['requests']:,}",
            f"{it['failed']:,} ({it['error_rate']:.2%}){refused}",
            *(seconds_text(it.get(f"latency_{name}_s")) for name in ("p50", "p95", "p99")),
            f"{it['usd_per_1k']:.4g}",
            f"{it['quality']:.4f}",
            f"{it['attempts_per_call']:.3f}",
        )
    return made


def too_slow(found: Sequence[TimedOutAnswers]) -> str:
    """What it means for a day that logged answers take longer than attempts may, and what to do."""
    longest_s = math.ceil(max(it.longest_s for it in found) + 1.0)
    return (
        f"{'; '.join(map(str, found))}. Such an attempt ends without an answer and is charged"
        " nothing, though a provider may charge it; then others are tried, or another model"
        f" answers, so that the day is not the replay's. --timeout {longest_s} waits for all of"
        " them; where the catalogue's deployments name time limits, their timeouts.total_s does"
    )


def lost(found: Sequence[Day]) -> Iterator[RenderableType]:
    """Attempts without an answer by what they say, and what answers cost that nobody waited for."""
    for day in found:
        if day.errors_by:
            made = table(
                f"Attempts without an answer, {day.policy}", ("error", "model", "attempts")
            )
            for (said, model), n in list(day.errors_by.items())[:_SHOWN]:
                made.add_row(escaped(said), escaped(model), f"{n:,}")
            yield made
        if day.unwaited_usd_per_1k:
            yield (
                f"answers that nobody waited for: up to {day.unwaited_usd_per_1k:.4g} USD per 1,000"
                " requests, which providers may charge and which is not in the figures above"
            )


def objectives(
    found: Sequence[Day], checks: Sequence[Sequence[CheckedObjective]]
) -> Iterator[RenderableType]:
    """A table for each policy: every objective, what was measured, and whether it holds."""
    for day, checked in zip(found, checks, strict=False):
        made = table(
            f"Objectives, {day.policy}", ("objective", "bound", "measured", "requests", "")
        )
        for it in checked:
            verdict = "[green]holds[/]" if it.holds else "[bold red]missed[/]"
            made.add_row(
                escaped(f"{it.objective} of {it.where}"),
                f"{it.bound:g}",
                with_interval(it.value, it.interval, ".4g"),
                f"{it.n:,}",
                verdict,
            )
        yield made


def kept(study: Study) -> Iterator[RenderableType]:
    """What became of objectives that a study was tuned for; nothing where none were given."""
    if (found := study.slo) is None:
        return
    heads = ("objective", "bound", "on tune", "on test", "before, on test", "")
    made = table(f"Objectives on simulated days: {found.scenario or 'unnamed scenario'}", heads)
    for tuned, tested, before in zip(found.tune, found.test, found.before, strict=True):
        made.add_row(
            escaped(f"{tested.objective} of {tested.where}"),
            f"{tested.bound:g}",
            f"{tuned.value:.4g}",
            with_interval(tested.value, tested.interval, ".4g"),
            f"{before.value:.4g}",
            "[green]holds[/]" if tested.holds else "[bold red]missed[/]",
        )
    yield made
    slow_s = found.engine.breaker.slow_s
    slow = "" if slow_s is None else f", calls of {slow_s:g} s count as slow"
    retry, timeout = found.engine.retry, found.timeout_s
    yield (
        f"engine: balancing {found.engine.balancing}, at most {retry.most} retries from"
        f" {retry.base_s:.3g} s{'' if timeout is None else f', timeout {timeout:.3g} s'}{slow};"
        f" {found.feasible} of {found.trials} simulated days kept every objective"
    )
