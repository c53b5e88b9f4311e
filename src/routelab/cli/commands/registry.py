"""`routelab registry`: the policies that studies registered in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from routelab import tracking
from routelab.cli.arguments import Packages
from routelab.cli.console import print_json
from routelab.cli.options import Json
from routelab.cli.output import tables
from routelab.cli.typer_groups import Commands
from routelab.core import use
from routelab.core.messages import known
from routelab.errors import TrackingError
from routelab.tracking import PolicyVersion

app = Commands(help="The policies that studies registered in MLflow.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A registered policy.", show_default=False)
]
Number = Annotated[
    int | None, typer.Option("--version", metavar="N", help="A version instead of an alias.")
]


@app.callback()
def registry() -> None:
    """The policies that studies registered in MLflow."""


@app.command("list")
def list_(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only this policy.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """List registered policies: versions, aliases, verdicts, gains.

    Example: `routelab registry list`
    """
    found = tracking.versions(name)
    if json:
        print_json([it._asdict() for it in found])
    elif found:
        tables.show(_table(found))
    else:
        tables.show(
            f"no policy is registered at {tables.escaped(tracking.shown_uri())}: tune one without"
            " --no-tracking, or say where they are by MLFLOW_TRACKING_URI"
        )


@app.command("promote")
def promote(name: Name, version: Number = None, json: Json = False) -> None:
    """Make a version of NAME its @champion; the @challenger, unless another is named.

    Example: `routelab registry promote gym --version 3`
    """
    done = tracking.promote(name, None if version is None else str(version))
    if json:
        print_json(done._asdict())
        return
    before = "" if done.previous is None else f", before it version {done.previous}"
    tables.show(f"{tables.escaped(name)}: @champion is version {done.version}{before}")


@app.command("fetch")
def fetch(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME[@ALIAS]", help="Default alias: champion.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR.policy", help="Where the policy goes.")
    ],
    version: Number = None,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Write a registered policy back as a policy directory, checked by its digests.

    Example: `routelab registry fetch gym@challenger --out gym.policy`
    """
    use(*package or ())
    plain, at, alias = name.partition("@")
    if at and version is not None:
        raise TrackingError(f"{name}: give an alias or --version, not both")
    number = None if version is None else str(version)
    done = tracking.fetch(plain, out, alias=alias or "champion", version=number)
    if json:
        print_json(done._asdict())
    else:
        tables.show(
            f"policy: {tables.escaped(str(out))}\nfrom:   {tables.escaped(done.name)} version"
            f" {done.version}, digest {done.policy_sha256}"
        )


def _table(found: list[PolicyVersion]) -> Table:
    table = Table(box=None)
    for head in ("policy", "version", "alias", "verdict", "gain, points", "quality", "USD / 1,000"):
        table.add_column(head, justify="right" if "," in head or head == "quality" else "left")
    for it in found:
        table.add_row(
            tables.escaped(it.name),
            it.version,
            " ".join(f"@{alias}" for alias in it.aliases),
            it.verdict,
            _gain(it),
            known(it.quality, ".3f", otherwise=""),
            known(it.usd_per_1k, ".3f", otherwise=""),
        )
    return table


def _gain(it: PolicyVersion) -> str:
    if it.gain is None or it.gain_ci is None:
        return ""
    low, high = it.gain_ci
    return f"{100 * it.gain:+z.1f} \\[{100 * low:+z.1f}, {100 * high:+z.1f}]"
