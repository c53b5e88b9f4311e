"""`routelab batch`: a file of requests through a policy."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import structs

from routelab import serve as gateway
from routelab.cli.console import tell
from routelab.cli.interrupts import stop_on_signals
from routelab.core.messages import known
from routelab.errors import ConfigError, RoutelabError
from routelab.serve import batch as batches

_TOLD_S = 2.0
"""Seconds between two lines about progress."""


# Long: most of it are the options and what they mean
def batch(
    policy: Annotated[
        Path, typer.Argument(metavar="POLICY", help="Policy directory.", show_default=False)
    ],
    requests: Annotated[
        Path,
        typer.Argument(
            metavar="IN.jsonl",
            help="Requests in OpenAI's batch format; of a folder, every file that is put there.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="OUT.jsonl",
            help="Where answers go; a folder, where IN is one.",
            show_default=False,
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
        typer.Option("--config", metavar="serve.toml", help="Budgets, decision log and the rest."),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Where failures go; beside OUT unless given."),
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Requests under way at once.")] = 16,
    max_usd: Annotated[
        float | None,
        typer.Option(min=0.0, help="Stop once the batch has cost so much, earlier runs included."),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose requests they are.")] = "",
    retry: Annotated[
        bool, typer.Option("--retry", help="Ask those that failed again, too.")
    ] = False,
) -> None:
    """Answer a file of requests by a policy; whatever `model` they name, the policy chooses.

    The same command goes on after it was stopped, killed or ran out of money: what is in the
    output is not asked again. Status 0: every request has an answer; 1: some failed, or are left.

    A folder is watched until the command is stopped: each file is answered into one of its name.

    Example: `routelab batch gym.policy in.jsonl --out out.jsonl --catalogue models.toml`
    """
    options: dict[str, Any] = {
        "identity": gateway.Identity(tenant=tenant),
        "at_once": at_once,
        "max_usd": math.inf if max_usd is None else max_usd,
    }

    def opened() -> gateway.Service:
        return gateway.Service([policy], catalogue, _settings(policy, config))

    if requests.is_dir():
        if errors is not None:
            raise ConfigError("--errors is of one file: those of a folder are beside its answers")
        asyncio.run(_watch(opened, requests, out, retry, options))
        return
    failures = errors or out.with_name(f"{out.name.removesuffix('.jsonl')}.errors.jsonl")
    asked = batches.BatchInput(requests)
    with batches.BatchOutput(out, failures, retry) as output:
        output.check(asked)
        _tell_of_others(output, policy)

        async def run() -> batches.BatchProgress:
            async with opened() as service:
                going = batches.BatchRun(
                    service.gateway, asked, output, progress=_Teller(), **options
                )
                stop_on_signals(going)
                return await going.run()

        _finish(asyncio.run(run()), failures)


async def _watch(
    opened: Callable[[], gateway.Service],
    folder: Path,
    out: Path,
    retry: bool,
    options: Mapping[str, Any],
) -> None:
    """Answer the files of a folder until a signal ends it; changed policies are taken over."""

    def told(path: Path, end: batches.BatchProgress | RoutelabError) -> None:
        if isinstance(end, RoutelabError):
            tell(f"error: {end}")
        else:
            tell(f"{path.name}: {_line(end)}" + (f"; {end.stopped}" if end.stopped else ""))

    async with opened() as service:
        watch = batches.BatchWatch(
            service.gateway, folder, out, retry=retry, told=told, progress=_Teller(), **options
        )
        stop_on_signals(watch)
        changes = asyncio.create_task(service.watch())
        tell(f"watching {folder}; answers go to {out}")
        try:
            await watch.run()
        finally:
            changes.cancel()


def _tell_of_others(output: batches.BatchOutput, policy: Path) -> None:
    """Say whose the answers are that earlier runs left, where another policy gave them."""
    others = {name: n for name, n in output.before.items() if name != _name(policy)}
    for name, n in sorted(others.items()):
        tell(f"note: {n} answers in {output.path} are of policy {name!r}, and are not asked again")


def _name(policy: Path) -> str:
    return policy.resolve().name.removesuffix(".policy")


def _settings(policy: Path, config: Path | None) -> gateway.ServeConfig:
    """Those of a gateway, in which every `model` stands for the one policy."""
    settings = gateway.ServeConfig() if config is None else gateway.read_config(config)
    aliases = {"*": f"routelab/{_name(policy)}"}
    return structs.replace(settings, default="", aliases=aliases, callers=gateway.CallerRules())


def _finish(end: batches.BatchProgress, failures: Path) -> None:
    """Say what came of it.

    Raises:
        Exit: some failed, or are left.
    """
    tell(_line(end))
    if end.failed:
        tell(f"failures are in {failures}; --retry asks them again")
    if not end.done:
        tell(f"{end.asked - end.answered - end.failed} are left, as {end.stopped}: run it again")
    if end.failed or not end.done:
        raise typer.Exit(1)


class _Teller:
    """Says how far it is, now and then."""

    def __init__(self) -> None:
        self._told_s = time.monotonic()

    def __call__(self, now: batches.BatchProgress) -> None:
        if (at_s := time.monotonic()) - self._told_s >= _TOLD_S:
            self._told_s = at_s
            tell(_line(now))


def _line(now: batches.BatchProgress) -> str:
    share = (now.answered + now.failed) / now.asked
    left = known(now.left_s, ".0f", " s left", otherwise="")
    failed = f", {now.failed} failed" if now.failed else ""
    return (
        f"{now.answered} of {now.asked} answered{failed} ({share:.0%}), {now.cost_usd:.6g} USD"
        + (f", {left}" if left and not now.done else "")
    )
