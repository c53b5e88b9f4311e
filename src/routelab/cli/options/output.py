"""Report, JSON and policy directory that a command writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from routelab.cli.options.groups import group
from routelab.tuning import LookLedger

LOOKS = "ROUTELAB_LOOKS"
"""Environment variable: folder of ledgers of looks, in place of one beside each log."""

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON only; all else goes to standard error.")
]


Verbose = Annotated[
    bool, typer.Option("--verbose", help="All tables, and how each interval was made.")
]


@group("Output")
class OutputOptions:
    """Where the report goes, and whether JSON is printed in place of tables.

    Attributes:
        report: file; None takes `reports/NAME.html`.
        no_report: write none.
        json: print JSON.
    """

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
    """`OutputOptions`, and where a study's policy goes.

    Attributes:
        no_tracking: do not record the study in MLflow.
        out: policy directory; None takes the log's name.
        replace: the policy of another study that is there.
        looks: ledger of the studies judged on the same test requests; None takes the log's.
        verbose: print all tables, and how each interval was made.
    """

    no_tracking: Annotated[
        bool, typer.Option("--no-tracking", help="Do not record the study in MLflow.")
    ] = False
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="NAME.policy", help="Where the policy goes; default LOG's name."
        ),
    ] = None
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace a policy that another study (other log, prices or options) left there.",
        ),
    ] = False
    looks: Annotated[
        Path | None,
        typer.Option(
            "--looks",
            metavar="FILE",
            help="Where studies judged on the same test requests are counted; default LOG.looks,"
            " beside the log, or a file of that name in the folder ROUTELAB_LOOKS.",
        ),
    ] = None

    verbose: Verbose = False

    def ledger(self, log: Path) -> LookLedger:
        """Where studies judged on the same test requests are counted.

        Beside the log, unless a file is named, or a folder by the environment variable.

        Args:
            log: that is tuned on.
        """
        if self.looks is not None:
            return LookLedger(self.looks)
        folder = os.environ.get(LOOKS)
        return LookLedger.within(Path(folder), log) if folder else LookLedger.beside(log)
