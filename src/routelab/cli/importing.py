"""`routelab import`: logs from other projects' published layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from routelab.cli import tables
from routelab.cli.commands import Commands
from routelab.cli.common import print_json, tell
from routelab.cli.options.log import Prices
from routelab.cli.options.output import Json
from routelab.logs import describe
from routelab.logs.adapters import ADAPTERS, Adapter, convert

app = Commands(help="Make a log of what another project published.", no_args_is_help=True)

Published = Annotated[
    Path, typer.Argument(metavar="PATH", help="What was published.", show_default=False)
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="LOG.parquet", help="Where the log goes; replaced if there."),
]


@app.callback()
def importing() -> None:
    """Make a log of what another project published."""


def _command(adapter: Adapter) -> Callable[..., None]:
    name = adapter.name

    def run(
        path: Published,
        out: Out = None,
        prices: Prices = None,
        json: Json = False,
    ) -> None:
        log = convert(adapter, path, out or Path(f"{name}.parquet"), prices)
        for note in log.notes:
            tell(f"note: {note}")
        found = describe(log)
        if json:
            print_json({"adapter": name, "log": str(log.path), **found})
        else:
            tables.show(tables.escaped(_said(found, str(log.path))))

    run.__doc__ = (
        f"{adapter.summary}\n\nPATH: {adapter.layout}\n\n"
        f"Example: `routelab import {name} {adapter.example} --out {name}.parquet`"
    )
    return run


def _said(found: dict[str, Any], path: str) -> str:
    models = ", ".join(found["models"])
    return f"log:      {path}\nrequests: {found['requests']:,}\nmodels:   {models}"


for _adapter in ADAPTERS:
    app.command(_adapter.name)(_command(_adapter))
