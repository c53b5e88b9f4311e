"""`routelab collect`: ask models about the requests of a file, and keep every answer."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from msgspec import to_builtins

from routelab.cli.arguments import pairs
from routelab.cli.console import print_json, tell
from routelab.cli.interrupts import stop_on_signals
from routelab.cli.options import AskingOptions, Columns, Json, collect_options, grouped
from routelab.cli.output import collection_tables, tables
from routelab.collect import (
    CollectionPlan,
    CollectionStanding,
    CollectOptions,
    Collector,
    CollectResult,
    collect,
    plan_collection,
)
from routelab.errors import CollectError

_TOLD_S = 5.0
"""Seconds between two lines about progress."""


# Long: most of it are the options and what they mean
@grouped
def collect_answers(
    prompts: Annotated[
        Path,
        typer.Argument(
            metavar="PROMPTS",
            help="Prompts as .csv, .jsonl, .json or .parquet; or a log of either kind.",
            show_default=False,
        ),
    ],
    asking: AskingOptions,
    catalogue: Annotated[
        Path,
        typer.Option(
            "--catalogue",
            metavar="FILE.toml",
            help="Models, prices and deployments.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="NAME.collection", help="Folder to collect into.", show_default=False
        ),
    ],
    max_usd: Annotated[
        float | None,
        typer.Option(
            "--max-usd", min=0.0, help="All that may be spent, earlier runs included; inf for any."
        ),
    ] = None,
    column: Columns = None,
    transport: Annotated[
        Literal["httpx", "aiohttp"] | None,
        typer.Option(help="HTTP library; default aiohttp where it is installed."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it will take, and ask nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Ask models what they would have answered, and end in a log to grade and tune on.

    The same command goes on after it was stopped, killed or ran out of money: an answer that is on
    the disk is never asked for again. Status 0: every cell is over; 1: some failed, or are left.

    Example: `routelab collect asked.csv --catalogue models.toml --max-usd 20 --out a.collection`
    """
    columns = pairs("--column", column or (), "prompt=question", "OURS=THEIRS")
    if dry_run:
        options = collect_options(asking, math.inf if max_usd is None else max_usd)
        plan, notes = plan_collection(prompts, out, catalogue, options, columns=columns)
        _show_plan(plan, notes, json=json)
        return
    if max_usd is None:
        raise CollectError(
            "`max_usd` is not given: say what the collection may cost, earlier runs included;"
            " `dry_run` says what it will take"
        )
    options = collect_options(asking, max_usd)
    result = asyncio.run(_collected(prompts, out, catalogue, options, columns, transport))
    _finish(result, out, json=json)


async def _collected(
    prompts: Path,
    out: Path,
    catalogue: Path,
    options: CollectOptions,
    columns: dict[str, str],
    transport: Literal["httpx", "aiohttp"] | None,
) -> CollectResult:
    """Collect, and tell on standard error how far it is."""

    def begun(collector: Collector, notes: tuple[str, ...]) -> None:
        for note in notes:
            tell(f"note: {note}")
        stop_on_signals(collector)

    return await collect(
        prompts,
        out,
        catalogue,
        options,
        columns=columns,
        transport=transport,
        begun=begun,
        progress=_Teller(),
    )


def _show_plan(plan: CollectionPlan, notes: tuple[str, ...], *, json: bool) -> None:
    for note in notes:
        tell(f"note: {note}")
    if json:
        print_json(to_builtins(plan))
        return
    if any(not it.seen for it in plan.arms):
        tell(
            "note: no answers were seen yet of some models: theirs are taken to be a quarter of the"
            " most that they may be; collect a few `requests`, and ask again"
        )
    tables.show(f"{plan.requests:,} requests", collection_tables.plan_table(plan))


def _finish(result: CollectResult, out: Path, *, json: bool) -> None:
    """Say what it came to.

    Raises:
        Exit: some cells failed, or are left.
    """
    standing = result.standing
    failed = sum(it.outcomes.get("failed", 0) for it in standing.arms)
    if json:
        log = None if result.log is None else str(result.log)
        print_json({**to_builtins(standing), "log": log, "notes": result.notes})
    else:
        tables.show(collection_tables.standing_table(standing))
    if standing.unknown_usd:
        tell(
            f"up to {standing.unknown_usd:.6g} USD more may have been billed for calls whose end is"
            " not known"
        )
    if standing.left:
        why = f", as {standing.stopped}" if standing.stopped else ""
        tell(f"{standing.left:,} cells are left{why}: run the same command again")
    if failed:
        tell(f"{failed:,} cells failed; `retry=True` asks them again")
    if result.log is not None:
        tell(f"the log is {result.log}; next: routelab grade {out}")
    if failed or standing.left:
        raise typer.Exit(1)


class _Teller:
    """Says how far it is, now and then."""

    def __init__(self) -> None:
        self._told_s = time.monotonic()

    def __call__(self, now: CollectionStanding) -> None:
        if (at_s := time.monotonic()) - self._told_s >= _TOLD_S:
            self._told_s = at_s
            tell(collection_tables.standing_line(now))
