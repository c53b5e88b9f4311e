"""`routelab replay-server`: an endpoint that answers from a log."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from routelab import replay_server as serve
from routelab.cli.arguments import CatalogueOption, LogPath, signal_option
from routelab.cli.console import tell
from routelab.cli.log_input import read_log
from routelab.cli.options import LogOptions, Signals, grouped
from routelab.cli.policy_input import read_catalogue
from routelab.logs import Log


@grouped
def replay_server(
    log: LogPath,
    how: LogOptions,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    latency_scale: Annotated[
        float,
        typer.Option(min=0.0, help="Sleep this many times the logged latency before answering."),
    ] = 0.0,
    signal: Signals = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Serve LOG as an OpenAI-compatible endpoint, to try a policy without spending money.

    Requests are found by their x-request-id header, else by their messages or by what the user
    says in them; those that say the same are answered in turn, and are kept apart by ids where they
    are asked at the same time. Answers longer than max_tokens are cut, and cost what the prices of
    --catalogue or of the log say. Once it listens, it says how to send one through a policy.

    Example: `routelab replay-server log.parquet --port 8801`
    """
    signals = dict(signal_option(text) for text in signal or ())
    known = read_catalogue(catalogue)
    opened = read_log(log, how, signals, known)
    serve.run(
        opened,
        host,
        port,
        catalogue=known,
        latency_scale=latency_scale,
        ready=lambda url: _invite(opened, url, log),
        tell=tell,
    )


def _invite(log: Log, url: str, path: Path) -> None:
    """Where requests are answered, and a command that sends one."""
    one, there = shlex.quote(str(log.requests.id[0])), shlex.quote(str(path))
    tell(f"serving {len(log)} requests and {len(log.models)} models at {url}")
    what = "" if log.texts else ' "PROMPT"'
    tell(f"send one: routelab route NAME.policy{what} --log {there} --id {one} --base-url {url}")
