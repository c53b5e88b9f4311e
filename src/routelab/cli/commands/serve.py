"""`routelab serve`: policies behind OpenAI's protocol."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from routelab import serve as gateway
from routelab.cli.console import tell


def serve(
    policies: Annotated[
        list[Path],
        typer.Argument(
            metavar="POLICY...", help="Policy directories to serve.", show_default=False
        ),
    ],
    catalogue: Annotated[
        Path,
        typer.Option(
            "--catalogue",
            metavar="FILE.toml",
            help="Models, prices and deployments.",
            show_default=False,
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="serve.toml", help="Callers, limits, decision log and the rest."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
) -> None:
    """Serve policies over HTTP, as an endpoint that OpenAI's clients can use.

    A request's `model` names a policy, as routelab/NAME; where one policy is served it may be left
    out. Files that change are taken over without a restart, unless they are broken. SIGTERM sees
    the requests under way through.

    Example: `routelab serve gym.policy --catalogue models.toml --config serve.toml`
    """
    settings = gateway.ServeConfig() if config is None else gateway.read_config(config)

    def opened() -> gateway.Service:
        service = gateway.Service(policies, catalogue, settings)
        if not (settings.callers.keys or settings.callers.trusted):
            tell("warning: anybody who reaches this server may ask: --config says who may")
        return service

    gateway.serve(opened, host, port, ready=_invite)


def _invite(url: str) -> None:
    """Where requests are answered, and a command that sends one."""
    body = '{"messages": [{"role": "user", "content": "What is 2 + 2?"}]}'
    tell(f"serving at {url}")
    tell(
        f"send one: curl {url}/chat/completions -H 'content-type: application/json'"
        f" -d {shlex.quote(body)}"
    )
