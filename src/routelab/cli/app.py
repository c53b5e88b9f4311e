"""The commands, each in a file of its own."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

from routelab.cli.commands import (
    batch,
    certify,
    collect,
    data,
    demo,
    diff,
    explain,
    grade,
    import_log,
    inspect,
    key,
    lint,
    log,
    parity,
    plan,
    prices,
    redeliver,
    registry,
    replay,
    replay_server,
    report,
    reprice,
    route,
    serve,
    simulate,
    track,
    tune,
    value,
)
from routelab.cli.typer_groups import Commands
from routelab.core.storage import raise_limits
from routelab.version import __version__

app = Commands(
    name="routelab",
    help="Tune LLM routing policies on logged requests, and ship what the numbers support.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


_COMPILED = (
    "routelab.policies.supermodel",
    "routelab.scorers.kernels",
    "routelab.signals.features.words",
)
"""Packages with a module `compiled`, which is imported where it can be."""


def _version(wanted: bool) -> None:
    if wanted:
        slow = [name for name in _COMPILED if not hasattr(import_module(name), "compiled")]
        form = f"not compiled, so slower: {', '.join(slow)}" if slow else "compiled"
        sys.stdout.write(f"routelab {__version__} ({form})\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: ARG001  (acts as it is read)
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="NAME=NUMBER",
            help="Read more of a file than usual, for example columns=50000. Repeatable.",
        ),
    ] = None,
) -> None:
    """Options of the program itself."""
    if limit:
        raise_limits(limit)


app.command("demo")(demo.demo)
app.command("grade")(grade.grade)
app.command("lint")(lint.lint)
app.command("tune")(tune.tune)
app.command("replay")(replay.replay)
app.command("value")(value.value)
app.command("plan")(plan.plan)
app.command("certify")(certify.certify)
app.command("report")(report.report)
app.command("inspect")(inspect.inspect)
app.command("explain")(explain.explain)
app.command("diff")(diff.diff)
app.command("reprice")(reprice.reprice)
app.command("prices")(prices.prices)
app.command("route")(route.route)
app.command("parity")(parity.parity)
app.command("simulate")(simulate.simulate_days)
app.command("serve")(serve.serve)
app.command("batch")(batch.batch)
app.command("collect")(collect.collect_answers)
app.command("key")(key.key)
app.command("redeliver")(redeliver.redeliver)
app.command("replay-server")(replay_server.replay_server)
app.add_typer(data.app, name="data")
app.add_typer(log.app, name="log")
app.add_typer(import_log.app, name="import")
app.add_typer(registry.app, name="registry")
app.add_typer(track.app, name="track")
