"""How a log is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from routelab.cli.options.groups import group

Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="OURS=THEIRS",
        help="A column of the log under another name, for example quality=score. Repeatable.",
    ),
]
Prices = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE.csv", help="List prices; fill in costs from tokens."),
]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Accept a log that lacks over 20 % of outcomes.")
]
Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="WHERE",
        help="Read LOG in batches instead of into memory, on threads, processes, or"
        " dask://HOST:PORT. A folder of over 5 million rows is read on threads unasked.",
    ),
]
Levels = Annotated[
    int | None,
    typer.Option(
        "--levels",
        help="Thresholds tried for each model of a chain, where LOG is read in batches; default"
        " 1,000 for chains of two models and 64 for longer ones.",
    ),
]


@group("Reading the log")
class LogOptions:
    """What a log's columns are, and what its tokens cost."""

    column: Columns = None
    prices: Prices = None


@group("Reading the log")
class CompleteLogOptions(LogOptions):
    """The same of a log in which every candidate is to have answered."""

    allow_missing: AllowMissing = False
