"""`routelab diff`: what changes when one policy takes another's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType

from routelab.cli.arguments import LogOption, Packages
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log_for, titled
from routelab.cli.options import CompleteLogOptions, Json, grouped
from routelab.cli.output import report_path, tables
from routelab.cli.output import write as write_page
from routelab.cli.policy_input import load_policy
from routelab.core.messages import known
from routelab.policy_file import seconds_text
from routelab.replay import Change, PolicyDifference, proved_changes
from routelab.replay import diff as compare
from routelab.replay.breakdown import FEWEST

TASKS = 40
"""Tasks in the table; `--json` has all."""


@grouped
def diff(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="The policy that serves.", show_default=False)
    ],
    new: Annotated[
        Path,
        typer.Argument(metavar="NEW", help="The policy to take its place.", show_default=False),
    ],
    log: LogOption,
    how: CompleteLogOptions,
    split: Annotated[
        str,
        typer.Option(
            help="Part of the log: train, tune, calibrate, test, all of it, or unseen: what is in"
            " the test parts of both policies."
        ),
    ] = "test",
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="FILE.html", help="Write a page too, with FILE.md beside it."
        ),
    ] = None,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Show what changes when NEW takes the place of OLD: what a reviewer needs to approve it.

    Settings that moved, the share of requests that another model answers, the change in
    quality, cost and gain with paired 95 % intervals, task by task, and changed requests.

    Example: `routelab diff old.policy new.policy --log log.parquet`
    """
    page = None if report is None else report_path("diff", report)
    before, after = load_policy(old, package), load_policy(new, package)
    opened = read_log_for((before, after), log, how, after.document.catalogue, scored=True)
    found = compare(before, after, opened, split, allow_missing=how.allow_missing)
    for note in found.notes:
        tell(f"note: {note}")
    if page is not None:
        from routelab.reports import render_difference

        write_page(render_difference(found, titled(opened)), page)
    if json:
        print_json(found)
    else:
        tables.show(*_tables(found, titled(opened)))
        if page is not None:
            typer.echo(f"\nreport: {page}")


def _tables(it: PolicyDifference, log: str) -> Iterator[RenderableType]:
    yield _figures(it, log)
    yield _settings(it)
    yield (
        f"\n{it.changed:.1%} of {it.n_requests:,} requests are answered by another model;"
        f" {it.rebilled:.1%} by the same one after other calls or at another cost"
    )
    if it.moves:
        yield _moves(it)
    if it.tasks and (it.changed or it.rebilled):
        yield _tasks(it)
        yield _beyond_chance(it)
    if it.examples:
        yield _examples(it)


def _figures(it: PolicyDifference, log: str) -> RenderableType:
    table = tables.table(
        f"{it.old.policy} → {it.new.policy}, {it.n_requests:,} {it.part} requests of {log}",
        ("", "quality", "USD per 1,000", "gain, points", "P95", "escalated"),
    )
    for name, side in (("old", it.old), ("new", it.new)):
        table.add_row(
            name,
            tables.with_interval(side.quality, side.quality_ci, ".3f"),
            tables.with_interval(side.usd_per_1k, side.usd_per_1k_ci, ".3f"),
            tables.with_interval(side.gain_vs_zero_router, side.gain_ci, "+.1f", 100),
            seconds_text(side.latency_p95_s),
            f"{side.escalation_rate:.1%}",
        )
    table.add_row(
        "change",
        _change(it.quality, "+.4f"),
        _change(it.usd_per_1k, "+.3f"),
        _change(it.gain, "+.2f", 100),
        known(it.latency_p95_s, "+.2f", " s", otherwise=""),
        f"{it.new.escalation_rate - it.old.escalation_rate:+.1%}",
    )
    return table


def _settings(it: PolicyDifference) -> RenderableType:
    if not it.settings:
        return "\nNo setting differs"
    table = tables.table("Settings that differ", ("setting", "old", "new"))
    for column in table.columns:
        column.justify, column.no_wrap, column.overflow = "left", False, "fold"
    table.columns[0].min_width = 24
    for one in it.settings:
        table.add_row(tables.escaped(one.place), _value(one.old), _value(one.new))
    return table


def _moves(it: PolicyDifference) -> RenderableType:
    heads = ("answered by", "now by", "requests", "quality, points", "USD per 1,000")
    table = tables.table("Where answers come from instead", heads)
    for one in it.moves:
        table.add_row(
            tables.escaped(one.old or "nobody"),
            tables.escaped(one.new or "nobody"),
            f"{one.n_requests:,}",
            f"{100 * one.quality:+z.1f}",
            f"{one.usd_per_1k:+z.3f}",
        )
    return table


def _tasks(it: PolicyDifference) -> RenderableType:
    heads = ("task", "requests", "changed", "quality, points", "USD per 1,000")
    moved = [one for one in it.tasks if one.moved]
    more = f", {TASKS} of {len(moved)}" if len(moved) > TASKS else ""
    table = tables.table(f"By task, what moves the whole most first{more}", heads)
    for one in moved[:TASKS]:
        table.add_row(
            tables.escaped(one.task or "not given"),
            f"{one.n_requests:,}",
            f"{one.changed:.1%}",
            _change(one.quality, "+.1f", 100),
            _change(one.usd_per_1k, "+.3f"),
        )
    return table


def _beyond_chance(it: PolicyDifference) -> str:
    """What holds of all tasks together, and what the table leaves out."""
    found = msgspec.to_builtins(proved_changes(it.tasks))
    named = "; ".join(f"{way}: {', '.join(names) or 'none'}" for way, names in found.items())
    still = sum(not one.moved for one in it.tasks)
    return tables.escaped(
        f"beyond chance, all {len(it.tasks)} tasks taken together: {named}\n"
        f"left out: {still} tasks on which nothing changed, {it.small_tasks} of fewer than"
        f" {FEWEST} requests ({it.small_requests} requests)"
    )


def _examples(it: PolicyDifference) -> RenderableType:
    heads = ("request", "task", "answered by", "now by", "quality", "USD")
    table = tables.table("Changed requests, losses first (routelab explain shows the steps)", heads)
    for one in it.examples:
        table.add_row(
            *map(tables.escaped, (one.id, one.task, one.old or "nobody", one.new or "nobody")),
            f"{one.quality:+.3g}",
            f"{one.cost_usd:+z.6f}",
        )
    return table


def _change(it: Change, form: str, scale: float = 1.0) -> str:
    return tables.with_interval(it.value, it.ci, form, scale)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return tables.escaped(" > ".join(map(str, value)))
    return tables.escaped(f"{value:.6g}" if isinstance(value, float) else str(value))
