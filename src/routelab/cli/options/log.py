"""Options of reading a log."""

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
        help="A column of the log under another name, for example quality=score; timestamp= leaves"
        " it out. Repeatable.",
    ),
]
Prices = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        metavar="FILE",
        help="List prices, of any form that `prices` reads; fill in costs from tokens.",
    ),
]
Signals = Annotated[
    list[str] | None,
    typer.Option(
        "--signal",
        metavar="NAME[:MULTIPLIER]",
        help="A column that is a confidence signal, higher meaning surer, and how many times dearer"
        " it makes a call. reversed:NAME turns it round; NAME:knowable vouches that it is known"
        " before the answer is delivered. Repeatable.",
    ),
]
QualityScale = Annotated[
    str | None,
    typer.Option(
        "--quality-scale",
        metavar="WORST:BEST",
        help="Scale of the log's quality, for example 1:5; default 0:1.",
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="A,B,C",
        help="Columns that are not to be read; a name with a comma in double quotes. Repeatable.",
    ),
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
    """The columns of a log, what is in them, and the prices of its tokens.

    Attributes:
        column: texts that name a column of the file for a field of the log.
        prices: file of prices, for costs that the log lacks.
        quality_scale: worst and best quality, with a colon between; None for 0 and 1.
        ignore: texts that name columns of the file, with commas between.
    """

    column: Columns = None
    prices: Prices = None
    quality_scale: QualityScale = None
    ignore: Ignore = None


@group("Reading the log")
class CompleteLogOptions(LogOptions):
    """`LogOptions` for a log in which every candidate is to have answered.

    Attributes:
        allow_missing: accept one that lacks many outcomes.
    """

    allow_missing: AllowMissing = False
