"""What a command prints, and where its report goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from routelab.cli.options.groups import group

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON only; all else goes to standard error.")
]


@group("Output")
class OutputOptions:
    """A report to look at, and JSON in place of tables."""

    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.html",
            help="Where the report goes; default reports/NAME.html.",
        ),
    ] = None
    no_report: Annotated[bool, typer.Option("--no-report", help="Do not write a report.")] = False
    json: Json = False


@group("Output")
class StudyOutputOptions(OutputOptions):
    """And where a study's policy goes."""

    no_tracking: Annotated[
        bool, typer.Option("--no-tracking", help="Do not record the study in MLflow.")
    ] = False
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="NAME.policy", help="Where the policy goes; default LOG's name."
        ),
    ] = None
