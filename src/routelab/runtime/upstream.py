"""What the runtime needs of an endpoint; HTTP is one way to have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

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


class UpstreamError(Exception):
    """There is no reply; the message says why, and never holds a key."""


class Upstream(Protocol):
    """Sends chat requests to deployments."""

    async def send(
        self, deployment: Deployment, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Reply:
        """The deployment's reply to a chat request.

        Raises:
            UpstreamError: no connection, a cut connection, or no key.
        """
        ...


def address(deployment: Deployment) -> str:
    """A deployment for people, without the credentials that an address may hold."""
    scheme, _, rest = deployment.base_url.rpartition("://")
    return f"{deployment.model} at {scheme}://{rest.rpartition('@')[2]}"
