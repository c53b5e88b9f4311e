"""The protocol of endpoints that the runtime needs; HTTP is one implementation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from routelab.core.catalogue import Deployment, Timeouts
from routelab.runtime.wire import decode_object


class Progress:
    """How far a request has come.

    Attributes:
        waits: here, and was not sent: for a free connection of a client that bounds how many it
            has, or for its turn in the event loop.
        connecting: there is no connection yet that it could be sent over.
    """

    waits = False
    connecting = False


class OutgoingRequest(msgspec.Struct, frozen=True):
    """A chat request on its way to one deployment.

    Attributes:
        body: with the deployment's name of the model.
        headers: names in lower case, beside those that every request has.
        timeouts: of which an upstream keeps `connect_s`; the others are its caller's to keep.
        progress: for the upstream to tell, if it knows.
    """

    deployment: Deployment
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    timeouts: Timeouts
    progress: Progress = msgspec.field(default_factory=Progress)


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

    def decoded(self) -> Mapping[str, Any] | None:
        """The body's JSON object; None if it is anything else."""
        return decode_object(self.body) if isinstance(self.body, bytes) else self.body


class OpenReply(msgspec.Struct, frozen=True):
    """A reply whose body is still to come.

    Attributes:
        status: of HTTP.
        chunks: the body's bytes, in whatever cut they arrive; to be read once.
        headers: names in lower case.
    """

    status: int
    chunks: AsyncGenerator[bytes]
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


def streams(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a reply holds an answer in pieces."""
    return 200 <= status < 300 and "text/event-stream" in headers.get("content-type", "")


Kind: TypeAlias = Literal[
    "", "connect", "busy", "timeout", "status", "cut", "malformed", "key", "stopped"
]
"""Why an attempt is no answer; empty for an answer.

`connect`: the request was never sent, so nothing can have been billed. `busy`: nor was this one,
as no connection was free here, which says nothing of the deployment. `timeout`: it was sent
and the reply took too long. `status`: answered, but not with 2xx. `cut`: the connection or
the stream ended before the answer did. `malformed`: a reply that is no chat completion. `key`:
there is no key to send it with. `stopped`: the caller wants no more of it, which says nothing
of the deployment.
"""


class UpstreamError(Exception):
    """There is no reply; the message says why."""

    def __init__(self, message: str, kind: Kind = "connect") -> None:
        self.kind = kind
        super().__init__(message)


class Upstream(Protocol):
    """Sends chat requests to deployments."""

    def send(self, outgoing: OutgoingRequest) -> Awaitable[Reply]:
        """The deployment's reply.

        Raises:
            UpstreamError: no connection, a cut connection, or no key.
        """
        ...

    def stream(self, outgoing: OutgoingRequest) -> AbstractAsyncContextManager[OpenReply]:
        """The reply to a request for a stream, open until the block ends.

        Leaving the block early closes the connection.

        Raises:
            UpstreamError: as of `send`, on entering the block and while reading chunks.
        """
        ...

    def hide(self, deployment: Deployment, text: str) -> str:
        """The text, which goes into an error, without the deployment's credentials."""
        ...


def deployment_label(deployment: Deployment) -> str:
    """A deployment for people, without the credentials that an address may hold."""
    return f"{deployment.model} at {deployment.public_url}"
