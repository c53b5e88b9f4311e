"""`routelab replay-server`: an endpoint that answers from a log."""

from __future__ import annotations

from typing import Annotated

import typer

from routelab import serve
from routelab.cli.common import (
    CatalogueOption,
    Columns,
    LogPath,
    Prices,
    read_catalogue,
    read_log,
    signal_option,
    tell,
)


def replay_server(
    log: LogPath,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    latency_scale: Annotated[
        float, typer.Option(help="Sleep this many times the logged latency before answering.")
    ] = 0.0,
    signal: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:MULTIPLIER", help="What a signal costs. Repeatable."),
    ] = None,
    catalogue: CatalogueOption = None,
    column: Columns = None,
    prices: Prices = None,
) -> None:
    """Serve LOG as an OpenAI-compatible endpoint, to try a policy without spending money.

    Requests are found by their x-request-id header, else by their prompt.

    Example: `routelab replay-server log.parquet --port 8801`
    """
    signals = dict(signal_option(text) for text in signal or ())
    opened = read_log(log, column, prices, signals)
    serve.run(
        opened,
        host,
        port,
        catalogue=read_catalogue(catalogue),
        latency_scale=latency_scale,
        ready=lambda url: tell(
            f"serving {len(opened)} requests and {len(opened.models)} models at {url}"
        ),
    )
