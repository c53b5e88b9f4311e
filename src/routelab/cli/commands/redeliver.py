"""`routelab redeliver`: send what could not be delivered again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from routelab import serve as gateway
from routelab.cli.console import tell
from routelab.errors import RoutelabError


def redeliver(
    config: Annotated[
        Path,
        typer.Option(
            "--config",
            metavar="serve.toml",
            help="Settings of the gateway, which name the file of dead letters.",
            show_default=False,
        ),
    ],
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="NAME", help="Only to this destination; may be repeated."),
    ] = None,
) -> None:
    """Send the gateway's dead letters again: answers that webhooks, topics or files did not get.

    What arrives is taken out of the file; the rest stays in it. It may run beside the server.
    Status 0: everything arrived; 1: some did not.

    Example: `routelab redeliver --config serve.toml`
    """
    settings = gateway.read_config(config)
    path = settings.delivery.dead_letters
    if not path:
        raise RoutelabError(f"{config}: delivery.dead_letters is not set: there is no such file")
    report = asyncio.run(gateway.redeliver(settings, frozenset(to or ())))
    for problem in report.problems:
        tell(problem)
    tell(f"{report.sent} of {report.tried} delivered")
    if report.sent < report.tried:
        tell(f"the others are in {path} as before")
        raise typer.Exit(1)
