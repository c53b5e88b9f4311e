"""One request, and where it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from routelab.cli.arguments import CatalogueOption, pairs
from routelab.cli.options.groups import group
from routelab.core.catalogue import ROUTER_TIMEOUT_S


@group("Endpoints")
class EndpointOptions:
    """Where models answer, and how their answers are read."""

    catalogue: CatalogueOption = None
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", metavar="URL", help="Call every model here, for example a replay server."
        ),
    ] = None
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SOURCE",
            help="How answers yield a signal, for example sure=agreement:3. Repeatable.",
        ),
    ] = None
    timeout_s: Annotated[float, typer.Option(help="Seconds for each attempt.")] = ROUTER_TIMEOUT_S

    def sources(self) -> dict[str, str]:
        """The source of each signal that is named.

        Raises:
            RoutelabError: one is not written as NAME=SOURCE.
        """
        return pairs("--source", self.source or (), "sure=agreement:3")


@group("The request")
class RequestArguments:
    """A logged request, or what is to be known of a new one."""

    log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="LOG", help="Ask what its request --id did, as that request was."
        ),
    ] = None
    request_id: Annotated[
        str | None, typer.Option("--id", help="Sent as x-request-id, and the key of draws.")
    ] = None
    task: Annotated[str, typer.Option(help="Task of the request.")] = ""
    tenant: Annotated[str, typer.Option(help="Tenant of the request.")] = ""
    priority: Annotated[str, typer.Option(help="Priority of the request.")] = ""
    need: Annotated[
        list[str] | None, typer.Option(help="A capability the model must have. Repeatable.")
    ] = None

    @property
    def metadata(self) -> dict[str, str]:
        """What a policy may ask of a request, by field; empty where it is not given."""
        return {"task": self.task, "tenant": self.tenant, "priority": self.priority}
