"""What the runtime needs of an endpoint; HTTP is one way to have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from routelab.core.catalogue import Deployment


class Reply(msgspec.Struct, frozen=True):
    """An endpoint's reply.

    Attributes:
        status: of HTTP.
        body: JSON as bytes, or already decoded.
        headers: names in lower case.
    """

    status: int
    body: bytes | Mapping[str, Any]
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


Kind: TypeAlias = Literal["", "connect", "timeout", "status", "cut", "malformed", "key"]
"""Why a try is no answer; empty for an answer.

`connect`: the request was never sent, so nothing can have been billed. `timeout`: it was sent
and the reply took too long. `status`: answered, but not with 2xx. `cut`: the connection ended
before the reply did. `malformed`: a reply that is no chat completion. `key`: there is no key
to send it with.
"""


class UpstreamError(Exception):
    """There is no reply; the message says why."""

    def __init__(self, message: str, kind: Kind = "connect") -> None:
        self.kind = kind
        super().__init__(message)


class Upstream(Protocol):
    """Sends chat requests to deployments."""

    async def send(
        self,
        deployment: Deployment,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        connect_s: float,
    ) -> Reply:
        """The deployment's reply to a chat request.

        Args:
            connect_s: to wait for a connection; waiting for the reply is the caller's to bound.
        Raises:
            UpstreamError: no connection, a cut connection, or no key.
        """
        ...

    def hide(self, deployment: Deployment, text: str) -> str:
        """The text, which goes into an error, without the deployment's credentials."""
        ...


def address(deployment: Deployment) -> str:
    """A deployment for people, without the credentials that an address may hold."""
    scheme, _, rest = deployment.base_url.rpartition("://")
    return f"{deployment.model} at {scheme}://{rest.rpartition('@')[2]}"
