"""`routelab track`: send to MLflow the studies that it does not have yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from routelab import tracking
from routelab.cli.arguments import Packages
from routelab.cli.console import print_json, tell
from routelab.cli.options import Json
from routelab.cli.output import tracking_note
from routelab.cli.typer_groups import Commands
from routelab.core import use
from routelab.errors import MissingExtraError, RoutelabError

app = Commands(help="Record studies in MLflow.", no_args_is_help=True)


@app.callback()
def track() -> None:
    """Record studies in MLflow."""


@app.command("sync")
def sync(
    study: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="STUDY...",
            help="Study directories; default those here, and in folders here, that wait.",
            show_default=False,
        ),
    ] = None,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Record STUDY directories in MLflow; one that is there already is left alone.

    The store is MLFLOW_TRACKING_URI, or mlflow.db in the working directory. Status 2 if one
    could not be recorded; it keeps waiting.

    Example: `routelab track sync gym.study`
    """
    use(*package or ())
    done = [_send(path) for path in study or tracking.waiting(Path())]
    if json:
        print_json(done)
    elif not done:
        tell("no study waits to be recorded here")
    if any(it["state"] == "failed" for it in done):
        raise typer.Exit(2)


def _send(path: Path) -> dict[str, Any]:
    """Send one study, and say how it went."""
    try:
        sent = tracking.send(path)
    except MissingExtraError:
        raise
    except RoutelabError as error:
        tell(f"error: {error}")
        return {"study": str(path), "state": "failed", "reason": str(error)}
    tell(tracking_note(sent))
    state = "already recorded" if sent.already else "recorded"
    return {**sent._asdict(), "state": state}
