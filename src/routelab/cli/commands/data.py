"""`routelab data`: look at a log before tuning on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from routelab.cli.arguments import Feedback, LogPath, names_in
from routelab.cli.console import print_json
from routelab.cli.log_input import read_any
from routelab.cli.options import Json, LogOptions, grouped
from routelab.cli.output import tables
from routelab.cli.typer_groups import Commands
from routelab.core.messages import known
from routelab.logs import Log
from routelab.logs import describe as describe_log
from routelab.metrics import signal_quality

app = Commands(help="Look at a log before tuning on it.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """Look at a log before tuning on it."""


@app.command("describe")
@grouped
def describe(
    log: LogPath,
    how: LogOptions,
    feedback: Feedback = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C", help="Columns of grades, named after models, of a row per request."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Describe LOG: models, costs, coverage, tasks, and how good its signals are.

    Example: `routelab data describe log.parquet`
    """
    opened = read_any(log, how, feedback=feedback, models=names_in("--models", models))
    found = describe_log(opened)
    found["signal_quality"] = signal_quality(opened) if isinstance(opened, Log) else None
    if json:
        print_json(found)
    else:
        tables.show(*_tables(found))


def _tables(found: dict[str, Any]) -> list[Any]:
    head = f"{found['name']}: {found['requests']} requests, {found['form']} log"
    parts: list[Any] = [tables.escaped(head), _models(found)]
    if found["signal_quality"]:
        parts.append(_signals(found["signal_quality"]))
    if coverage := found.get("coverage"):
        share = coverage["complete_share"]
        parts.append(f"rows with every model's outcome: {coverage['complete']} ({share:.1%})")
    parts.append(tables.escaped(_taken(found["signals"])))
    if it := found["prompts"]:
        parts.append(
            f"prompts: {it['distinct']} different, {it['repeated']} repeated;"
            f" {it['median_characters']:.0f} characters in the median"
        )
    if it := found["timestamps"]:
        parts.append(f"times: {it['first']} to {it['last']}; {it['missing']} requests without")
    if found["tasks"]:
        parts.append(f"tasks: {len(found['tasks'])}")
    return [*parts, *(tables.escaped(f"note: {note}") for note in found["notes"])]


def _taken(signals: Mapping[str, Any]) -> str:
    if not signals:
        return "signals: none; a column of numbers that has no other meaning is taken as one"
    return f"columns taken as signals: {', '.join(signals)}"


def _models(found: dict[str, Any]) -> Table:
    table, partial = Table(), found["form"] == "partial"
    counted = ("calls", "judged", "quality of judged") if partial else ("requests", "quality")
    for head in ("model", *counted, "USD per 1,000", "latency P50", "failed"):
        table.add_column(head, justify="left" if head == "model" else "right")
    for name, it in found["models"].items():
        table.add_row(
            tables.escaped(name),
            str(it["n"]),
            *([str(it["judged"])] if partial else []),
            known(it["quality"], ".4f"),
            known(it["usd_per_1k"], ".4f"),
            known(it["latency_p50_s"], ".2f"),
            str(it["failed"]),
        )
    return table


def _signals(quality: dict[str, dict[str, dict[str, Any]]]) -> Table:
    table = Table(title="Signals: do they tell right from wrong?", title_justify="left")
    for head in ("signal", "model", "requests", "AUROC", "ECE", "Brier"):
        table.add_column(head, justify="left" if head in ("signal", "model") else "right")
    for signal, models in quality.items():
        for model, it in models.items():
            table.add_row(
                tables.escaped(signal),
                tables.escaped(model),
                str(it["n"]),
                known(it["auroc"], ".3f"),
                known(it["ece"], ".3f"),
                known(it["brier"], ".3f"),
            )
    return table
