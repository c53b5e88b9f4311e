"""`routelab data`: look at a log before tuning on it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from routelab.cli.arguments import Feedback, LogPath, names_in, signal_option
from routelab.cli.console import print_json
from routelab.cli.flags import with_flags
from routelab.cli.log_input import read_any
from routelab.cli.options import Json, LogOptions, Signals, grouped
from routelab.cli.output import tables
from routelab.cli.typer_groups import Commands
from routelab.core.messages import known, listed
from routelab.logs import Log, PartialLog
from routelab.logs import describe as describe_log
from routelab.metrics import missing_outcomes, missing_sentences, signal_proposals, signal_quality
from routelab.tuning.study import signal_checks

app = Commands(help="Look at a log before tuning on it.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """Look at a log before tuning on it."""


@app.command("describe")
@grouped
def describe(
    log: LogPath,
    how: LogOptions,
    signal: Signals = None,
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

    A log that nobody graded is described too, with what to do next.

    Example: `routelab data describe log.parquet --signal confidence`
    """
    signals = dict(signal_option(text) for text in signal or ())
    graded = names_in("--models", models)
    opened = read_any(log, how, signals, feedback=feedback, models=graded, graded=False)
    found = describe_log(opened) | _judged(opened)
    if json:
        print_json(found)
    else:
        tables.show(*_tables(found))


def _judged(log: Log | PartialLog) -> dict[str, Any]:
    """What signals are worth, which columns may be some, and what is missing."""
    if not isinstance(log, Log):
        return {"signal_quality": None, "proposed_signals": [], "warnings": []}
    refused = list(signal_checks.refusals(log, log.signals, log.models))
    warnings = [
        *refused,
        *signal_checks.doubtful(log, log.signals, log.models),
        *signal_checks.telling_columns(log, log.models),
        *missing_sentences(*missing_outcomes(log)),
    ]
    proposals = [it._asdict() for it in signal_proposals(log)]
    return {
        "signal_quality": signal_quality(log),
        "proposed_signals": proposals,
        "warnings": [with_flags(text) for text in warnings],
    }


def _tables(found: dict[str, Any]) -> list[Any]:
    head = f"{found['name']}: {found['requests']} requests, {found['form']} log"
    parts: list[Any] = [tables.escaped(head), _models(found)]
    if found["signal_quality"]:
        parts.append(_signals(found["signal_quality"]))
    if coverage := found.get("coverage"):
        share = coverage["complete_share"]
        parts.append(f"rows with every model's outcome: {coverage['complete']} ({share:.1%})")
    parts += map(tables.escaped, _taken(found["signals"], found["proposed_signals"]))
    if it := found["prompts"]:
        parts.append(
            f"prompts: {it['distinct']} different, {it['repeated']} repeated;"
            f" {it['median_characters']:.0f} characters in the median"
        )
        if more := it.get("messages"):
            parts.append(f"messages: besides prompts {listed(more)}")
    if it := found["timestamps"]:
        parts.append(f"times: {it['first']} to {it['last']}; {it['missing']} requests without")
    if found["tasks"]:
        parts.append(f"tasks: {len(found['tasks'])}")
    parts += (tables.escaped(f"warning: {text}") for text in found["warnings"])
    return [*parts, *(tables.escaped(with_flags(f"note: {note}")) for note in found["notes"])]


def _taken(signals: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Which columns are signals, which may be, and which are not."""
    yield f"signals: {', '.join(signals) or 'none was asked for'}"
    possible = [it for it in columns if it["refused"] is None]
    if likely := [it for it in possible if it["likely"]]:
        asked = " ".join(f"--signal {shlex.quote(it['signal'])}" for it in likely)
        yield f"proposed signals: {', '.join(map(_worth, likely))}; add {asked}"
    if other := [it for it in possible if not it["likely"]]:
        yield f"other numbers: {', '.join(map(_worth, other))}; --signal NAME makes one a signal"
    for it in possible:
        if it["reversed"]:
            asked = f"--signal {shlex.quote(it['signal'])}"
            yield f"reversed: the higher {it['column']}, the more answers are wrong; it is {asked}"
        if it["suspicion"]:
            yield f"{it['column']} looks like a label with noise: {it['suspicion']}"
    for it in columns:
        if it["refused"] is not None:
            yield f"no signal: {it['column']}, as {it['refused']}"


def _worth(it: Mapping[str, Any]) -> str:
    """A column under the name to ask for it by, with its AUROC in the middle of the models."""
    areas = [model["auroc"] for model in it["quality"].values() if model["auroc"] is not None]
    if it["signal"] != it["column"]:
        areas = [1.0 - area for area in areas]
    return f"{it['signal']} (AUROC {np.median(areas):.2f})" if areas else str(it["signal"])


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
