"""`routelab key`: a key for somebody who may ask a gateway."""

from __future__ import annotations

from typing import Annotated

import typer

from routelab import serve as gateway
from routelab.cli.console import tell
from routelab.cli.streams import writing


def key(
    name: Annotated[str, typer.Argument(help="Of whoever gets the key.", show_default=False)],
    tenant: Annotated[str, typer.Option(help="Whose requests they are.")] = "",
) -> None:
    """Draw a key for NAME, and print it with the lines that go into the file of keys.

    The key itself is printed once, on standard error, and kept nowhere: the file has its hash.

    Example: `routelab key search-backend --tenant search >> keys.toml`
    """
    drawn, table = gateway.new_key(name, tenant)
    tell(f"the key of {name}, which is shown this once: {drawn}")
    with writing():
        typer.echo(table, nl=False)
