"""`routelab serve`: policies behind OpenAI's protocol."""

from __future__ import annotations

import json
import shlex
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from routelab import serve as gateway
from routelab.cli.console import tell
from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError, RoutelabError

if TYPE_CHECKING:
    from routelab.cli.demo_world import DemoWorld


# Long: most of it are the options and what they mean
def serve(
    policies: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="POLICY...", help="Policy directories to serve.", show_default=False
        ),
    ] = None,
    catalogue: Annotated[
        Path | None,
        typer.Option("--catalogue", metavar="FILE.toml", help="Models, prices and deployments."),
    ] = None,
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
    grpc_port: Annotated[
        int | None,
        typer.Option(
            "--grpc-port",
            min=0,
            max=65535,
            metavar="PORT",
            help="Answer over gRPC too; 0 takes a free port.",
            show_default="that of the settings",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            metavar="N",
            help="Processes that answer.",
            show_default="that of the settings, or 1",
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Serve a policy of the embedded log, whose models need no key."
        ),
    ] = False,
) -> None:
    """Serve policies over HTTP, as an endpoint that OpenAI's clients can use.

    A request's `model` names a policy, as routelab/NAME; where one policy is served it may be left
    out. Files that change are taken over without a restart, unless they are broken. SIGTERM sees
    the requests under way through.

    Example: `routelab serve gym.policy --catalogue models.toml --config serve.toml`
    """
    settings = _settings(config, workers, grpc_port)
    if demo:
        if policies or catalogue:
            raise RoutelabError("--demo brings a policy and a catalogue: give neither beside it")
        with _demo() as world:
            _run([world.policy], world.catalogue, settings, host, port, world.prompt)
        return
    if not policies or catalogue is None:
        raise RoutelabError("give POLICY... and --catalogue, or --demo for a look")
    _run(policies, catalogue, settings, host, port, "What is 2 + 2?")


def _settings(
    config: Path | None, workers: int | None, grpc_port: int | None
) -> gateway.ServeConfig:
    """Those of the file, but for what the command line says."""
    settings = gateway.ServeConfig() if config is None else gateway.read_config(config)
    if workers is not None:
        count = structs.replace(settings.workers, count=workers)
        settings = structs.replace(settings, workers=count)
    if grpc_port is not None:
        grpc = structs.replace(settings.grpc, port=grpc_port)
        settings = structs.replace(settings, grpc=grpc)
    return settings


def _run(
    policies: list[Path],
    catalogue: Path,
    settings: gateway.ServeConfig,
    host: str,
    port: int,
    prompt: str,
) -> None:
    def ready(url: str) -> None:
        if not (settings.callers.keys or settings.callers.trusted):
            tell("warning: anybody who reaches this server may ask: --config says who may")
        _invite(url, prompt)

    if settings.workers.count > 1:
        gateway.serve_workers(policies, catalogue, settings, host, port, ready=ready)
    else:
        gateway.serve(
            lambda: gateway.Service(policies, catalogue, settings), host, port, ready=ready
        )


def _demo() -> AbstractContextManager[DemoWorld]:
    """What there is to look at.

    Raises:
        MissingExtraError: the workbench is not installed.
    """
    try:
        from routelab.cli.demo_world import demo_world
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("routelab"):
            raise
        raise MissingExtraError(
            f"--demo tunes a policy, for which it needs {error.name}: {how_to_install('lab')}"
        ) from error
    return demo_world()


def _invite(url: str, prompt: str) -> None:
    """Where requests are answered, and a command that sends one."""
    body = json.dumps({"messages": [{"role": "user", "content": prompt}]})
    tell(f"serving at {url}")
    tell(
        f"send one: curl {url}/chat/completions -H 'content-type: application/json'"
        f" -d {shlex.quote(body)}"
    )
