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
    """Endpoints that answer, and how their responses yield signals.

    Attributes:
        catalogue: file of models and deployments, the only addresses besides `base_url`.
        base_url: one address for all models, in place of the catalogue's.
        source: texts "NAME=SOURCE", for example "sure=agreement:3".
        timeout_s: seconds of each attempt.
    """

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
    """A request of a log, or the metadata of a new one.

    Attributes:
        log: file of the log; None for a new request.
        request_id: id in the log, or of the new request.
        task, tenant, priority: of the new request; empty where not given.
        need: capabilities that the answering model must have.
    """

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
        """Task, tenant and priority of the request, by field; empty where not given."""
        return {"task": self.task, "tenant": self.tenant, "priority": self.priority}
