"""A collection for a terminal: what it will take, how far it is, what it came to."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from routelab.cli.output.tables import escaped
from routelab.collect import ArmStanding, CollectionPlan, CollectionStanding
from routelab.core.messages import known


def plan_table(plan: CollectionPlan) -> Table:
    """A row for each model, and one of all."""
    table = Table()
    table.add_column("model")
    for name in ("calls", "too long", "tokens in", "tokens out", "USD", "at most", "time"):
        table.add_column(name, justify="right")
    for it in plan.arms:
        guessed = "" if it.seen else "~"
        table.add_row(
            escaped(it.model),
            f"{it.calls:,}",
            f"{it.too_long:,}" if it.too_long else "",
            f"~{it.prompt_tokens:,.0f}",
            f"{guessed}{it.completion_tokens:,.0f}",
            known(it.usd, ".4g", otherwise="no price"),
            known(it.most_usd, ".4g", otherwise="no price"),
            _time(it.seconds),
        )
    table.add_row(
        "all", f"{sum(it.calls for it in plan.arms):,}", "", "", "",
        f"{plan.usd:.4g}", f"{plan.most_usd:.4g}", _time(plan.seconds),
    )  # fmt: skip
    return table


def standing_table(standing: CollectionStanding) -> Table:
    """A row for each model."""
    table = Table()
    table.add_column("model")
    for name in ("over", "left", "outcomes", "USD", "not known", "tokens out", "s"):
        table.add_column(name, justify="right")
    for it in standing.arms:
        table.add_row(
            escaped(it.model),
            f"{it.done:,}",
            f"{it.left:,}",
            _outcomes(it.outcomes),
            f"{it.spent_usd:.6g}",
            f"{it.unknown_usd:.6g}" if it.unknown_usd else "",
            known(it.mean_completion_tokens, ".1f", otherwise=""),
            known(it.mean_latency_s, ".2f", otherwise=""),
        )
    return table


def standing_line(standing: CollectionStanding) -> str:
    """How far it is, in one line."""
    of = standing.done + standing.left
    arms = "; ".join(map(_arm, standing.arms))
    return f"{standing.done:,} of {of:,} cells, {standing.spent_usd:.4g} USD: {arms}"


def _arm(it: ArmStanding) -> str:
    failed = it.outcomes.get("failed", 0)
    said = f"{it.model} {it.done:,}{f', {failed:,} failed' if failed else ''}"
    if it.stopped:
        return f"{said} (left for another run)"
    return f"{said} ({_time(it.left_s)} left)" if it.left and it.left_s is not None else said


def _outcomes(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in outcomes.items())


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"
