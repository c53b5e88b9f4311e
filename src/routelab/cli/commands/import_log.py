"""`routelab import`: logs from other projects' published layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from routelab.cli.arguments import pairs
from routelab.cli.console import print_json, tell
from routelab.cli.options import Json, Prices
from routelab.cli.output import progress, tables
from routelab.cli.typer_groups import Commands
from routelab.core import use
from routelab.logs import describe, read
from routelab.logs.importers import (
    IMPORTERS,
    REGISTRY,
    CallImporter,
    Importer,
    convert,
    import_calls,
)
from routelab.logs.importers.calls import skipped_note


class _Group(TyperGroup):
    """The importers that ship, and those of packages named before the importer."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        if cmd_name not in REGISTRY.kinds:
            raise REGISTRY.unknown(cmd_name)
        alone = Commands(add_completion=False)
        alone.command(cmd_name)(_command(REGISTRY.kinds[cmd_name]))
        return typer.main.get_command(alone)


app = Commands(
    help="Make a log of what another project published.", no_args_is_help=True, cls=_Group
)

Published = Annotated[
    Path, typer.Argument(metavar="PATH", help="What was published.", show_default=False)
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="LOG.parquet", help="Where the log goes; replaced if there."),
]


Places = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=PLACE",
        help="Where a value stands, for example model=body.model; or which of several is read.",
    ),
]


Judged = Annotated[
    Path | None,
    typer.Option(
        "--feedback",
        metavar="FILE.jsonl",
        help="What answers were worth: request_id, quality, and model where several answered.",
    ),
]


def _use(names: list[str] | None) -> list[str] | None:
    use(*names or ())
    return names


@app.callback()
def importing(
    _package: Annotated[
        list[str] | None,
        typer.Option(
            "--package",
            metavar="NAME",
            help="An installed package that brings an importer, whose code may run. Repeatable.",
            callback=_use,  # before the importer's name is looked up
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Make a log of what another project published."""


def _command(importer: Importer | CallImporter) -> Callable[..., None]:
    if isinstance(importer, CallImporter):
        return _call_command(importer)
    name = importer.name

    def run(
        path: Published,
        out: Out = None,
        prices: Prices = None,
        json: Json = False,
    ) -> None:
        log = convert(importer, path, out or Path(f"{name}.parquet"), prices)
        for note in log.notes:
            tell(f"note: {note}")
        found = describe(log)
        if json:
            print_json({"adapter": name, "log": str(log.path), **found})
        else:
            tables.show(tables.escaped(_summary(found, str(log.path))))

    run.__doc__ = (
        f"{importer.summary}\n\nPATH: {importer.layout}\n\n"
        f"Example: `routelab import {name} {importer.example} --out {name}.parquet`"
    )
    return run


def _call_command(importer: CallImporter) -> Callable[..., None]:
    name = importer.name

    def run(
        path: Published,
        out: Out = None,
        column: Places = None,
        prices: Prices = None,
        feedback: Judged = None,
        json: Json = False,
    ) -> None:
        target = out or Path(f"{name}.parquet")
        places = pairs("--column", column or (), "model=body.model", "NAME=PLACE")
        with progress("importing (bytes)") as told:
            found = import_calls(
                importer,
                path,
                target,
                columns=places,
                price_list=prices,
                feedback=feedback,
                progress=told,
            )
        for note in (*skipped_note(found), *found.notes):
            tell(f"note: {note}")
        described = describe(read(target, graded=False))
        if json:
            print_json(
                {
                    "adapter": name,
                    "log": str(found.path),
                    "records": found.records,
                    "calls": found.calls,
                    "skipped": dict(found.skipped),
                    "repeated": found.repeated,
                    "doubted": dict(found.doubted),
                    **described,
                }
            )
        else:
            tables.show(tables.escaped(_summary(described, str(found.path))))

    run.__doc__ = (
        f"{importer.summary}\n\nPATH: {importer.layout}\n\n"
        f"Example: `routelab import {name} {importer.example} --out {name}.parquet`"
    )
    return run


def _summary(found: dict[str, Any], path: str) -> str:
    models = ", ".join(found["models"])
    return f"log:      {path}\nrequests: {found['requests']:,}\nmodels:   {models}"


for _importer in IMPORTERS:
    app.command(_importer.name)(_command(_importer))
