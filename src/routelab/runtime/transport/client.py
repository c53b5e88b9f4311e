"""Endpoints over HTTP, with httpx."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from routelab.core.catalogue import Deployment
from routelab.errors import RouteError
from routelab.runtime.large_json import object_anywhere
from routelab.runtime.pacing import FEW, Pacing, paced
from routelab.runtime.transport.host_pools import proxy_problems
from routelab.runtime.transport.libraries import in_httpx
from routelab.runtime.transport.reply_body import too_long, unpacked
from routelab.runtime.transport.request import Address, address_of
from routelab.runtime.transport.sender import (
    Client,
    ClientSender,
    Sender,
    Transport,
    named,
    own,
    problems,
)
from routelab.runtime.upstream import (
    Kind,
    OpenReply,
    OutgoingRequest,
    Reply,
    UpstreamError,
    streams,
)
from routelab.runtime.wire import LARGE, decode_object

__all__ = ["HttpUpstream", "Transport"]

_SHOWN = 200
"""Characters of a failure's words that an error quotes."""

_HTTPX = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)

_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""Failures of a request that never left."""

_AIOHTTP_SENT = ("ServerDisconnectedError", "ClientOSError")
"""What httpx-aiohttp calls a failure to connect, though the request may have left."""


class HttpUpstream:
    """Sends chat requests with httpx, or with what a user brings of httpx2.

    Args:
        client: a client to use, which stays its owner's to close.
        transport: without a client: its name, or one of httpx's or httpx2's.
    Attributes:
        pacing: of its event loop's turns, while many calls are under way.
    Raises:
        MissingExtraError: httpx-aiohttp is not installed.
        RouteError: no transport has this name, one of the two is of another kind, or the
            environment names proxies that the transport cannot use.
    """

    def __init__(self, client: Client | None = None, transport: Transport | None = None) -> None:
        ours = client is None and transport in (None, "httpx")
        wrong = (*problems(client, transport), *(proxy_problems() if ours else ()))
        if wrong:
            raise RouteError(*wrong)
        self._given = None if client is None else ClientSender(client)
        self._own: Sender | None = None
        self._transport = named(transport) if isinstance(transport, str) else transport
        self.pacing = Pacing()
        self._closed = False

    def send(self, outgoing: OutgoingRequest) -> Awaitable[Reply]:
        if self.pacing.under_way < FEW:
            return self._reply(outgoing)
        return paced(self._reply(outgoing), self.pacing, outgoing.progress)

    async def _reply(self, outgoing: OutgoingRequest) -> Reply:
        try:
            response = await self._sender.send(outgoing)
            try:
                content, body = await _content(response, outgoing.deployment.max_reply_bytes)
            finally:
                await response.aclose()
        except Exception as error:
            if (told := self._told(error, outgoing.timeouts.connect_s)) is None:
                raise
            raise told from None
        return Reply(response.status_code, content if body is None else body, response.headers)

    @asynccontextmanager
    async def stream(self, outgoing: OutgoingRequest) -> AsyncIterator[OpenReply]:
        connect_s = outgoing.timeouts.connect_s
        try:
            response = await self._opened(outgoing)
            try:
                headers = response.headers
                chunks = self._chunks(response, outgoing)
                if not streams(response.status_code, headers):
                    content = b"".join([chunk async for chunk in chunks])
                    await _object(response, content)
                    chunks = _whole(content)
                yield OpenReply(response.status_code, chunks, headers)
            except Exception:
                await _hang_up(response)
                raise
            finally:
                await response.aclose()
        except Exception as error:
            if (told := self._told(error, connect_s)) is None:
                raise
            raise told from None

    def hide(self, deployment: Deployment, text: str) -> str:
        for secret in _secrets(deployment):
            text = text.replace(secret, "***")
        return text

    async def aclose(self) -> None:
        """Close the connections that are our own; nothing is sent any more."""
        self._closed = True
        sender, self._own = self._own, None
        if sender is not None:
            await sender.aclose()

    async def _opened(self, outgoing: OutgoingRequest) -> httpx.Response:
        """A reply of which the head has come."""
        if self.pacing.under_way < FEW:
            return await self._sender.send(outgoing)
        return await paced(self._sender.send(outgoing), self.pacing, outgoing.progress)

    async def _chunks(
        self, response: httpx.Response, outgoing: OutgoingRequest
    ) -> AsyncGenerator[bytes]:
        pacing, connect_s = self.pacing, outgoing.timeouts.connect_s
        most = outgoing.deployment.max_reply_bytes
        parts: AsyncIterator[bytes]
        try:
            if response.is_stream_consumed or response.is_closed:  # by a hook of the client
                parts, encoding = _whole(await response.aread()), ""  # unpacked by then
            else:
                parts = response.aiter_raw()
                encoding = response.headers.get("content-encoding", "")
            async for chunk in unpacked(parts, encoding, most):
                yield chunk
                if pacing.under_way >= FEW and pacing.over():
                    await pacing.place()
        except Exception as error:
            if (told := self._told(error, connect_s)) is None:
                raise
            raise told from None

    def _told(self, error: Exception, connect_s: float) -> UpstreamError | None:
        """A failure as one of an upstream; None of what is none of the network's."""
        if self._closed:  # whatever closing made of it says nothing of the deployment
            return UpstreamError("the router was closed", "stopped")
        return _translated(error, connect_s)

    @property
    def _sender(self) -> Sender:
        if self._closed:
            raise UpstreamError("the router was closed", "stopped")
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = own(self._transport)
        return self._own


async def _content(response: httpx.Response, most: int) -> tuple[bytes, dict[str, Any] | None]:
    """The bytes of a reply, and the JSON object that they are; None if they are anything else."""
    if response.is_stream_consumed or response.is_closed:  # by a hook of the client
        content = _bounded(await response.aread(), most)
        return content, await _object(response, content)
    stream: Any = response.stream  # of httpx or httpx2
    parts, size = [], 0
    async for part in stream:
        parts.append(part)
        size += len(part)
        if size > most:
            await _hang_up(response)
            raise too_long(most)
    content = b"".join(parts)
    # what is packed is no JSON; looking at headers first is slow
    value = decode_object(content) if size <= LARGE else await object_anywhere(content)
    if value is not None:
        return content, value
    if encoding := response.headers.get("content-encoding", ""):
        content = b"".join([it async for it in unpacked(_whole(content), encoding, most)])
        return content, await _object(response, content)
    await _hang_up(response)
    return content, None


async def _whole(content: bytes) -> AsyncGenerator[bytes]:
    yield content


def _bounded(content: bytes, most: int) -> bytes:
    if len(content) > most:
        raise too_long(most)
    return content


async def _object(response: httpx.Response, content: bytes) -> dict[str, Any] | None:
    """The JSON object of a reply; None if it is anything else."""
    value = await object_anywhere(content)
    if value is None:
        await _hang_up(response)
    return value


async def _hang_up(response: httpx.Response) -> None:
    """Close a connection: what may be left of a bad reply there would be taken for the next one.

    Over HTTP/2 nothing can be left, and other replies are under way on the same connection.
    """
    if response.extensions.get("http_version") == b"HTTP/2":
        return
    stream = response.extensions.get("network_stream")  # not every transport has one
    if stream is not None:
        await stream.aclose()


def _of_aiohttp(error: Exception) -> bool:
    """Whether httpx-aiohttp let a failure of the library below it pass."""
    return type(error).__module__.partition(".")[0] == "aiohttp"


def _translated(error: Exception, connect_s: float) -> UpstreamError | None:
    """A failure of httpx, or of a transport below it, as that of an upstream; None of another."""
    error = in_httpx(error)
    if not isinstance(error, _HTTPX) and not _of_aiohttp(error):
        return None
    cause = type(error.__cause__).__name__
    if isinstance(error, httpx.PoolTimeout):
        return UpstreamError(
            "no connection was free here: the client has as many as it may", "busy"
        )
    sent = not isinstance(error, _UNSENT) or cause in _AIOHTTP_SENT
    kind: Kind = "cut" if sent else "connect"
    refused = cause.startswith("ClientConnector")  # httpx-aiohttp takes it for a timeout
    if isinstance(error, httpx.ConnectTimeout) and not sent and not refused:
        return UpstreamError(f"no connection in {connect_s:g} s", kind)
    if isinstance(error, httpx.InvalidURL):  # its words may quote a part of a password
        return UpstreamError("InvalidURL: base_url of the catalogue is no address", kind)
    name = cause if cause in _AIOHTTP_SENT else type(error).__name__
    name = "ConnectError" if refused else name
    return UpstreamError(" ".join(f"{name} {error}".split())[:_SHOWN], kind)


def _secrets(deployment: Deployment) -> Iterator[str]:
    """The key and the credentials of the address, as they are and as JSON and URLs show them."""
    name = deployment.api_key_env
    try:
        address = address_of(deployment.base_url)
    except httpx.InvalidURL:
        address = Address(httpx.URL(), "", "")  # nothing is sent there
    key = os.environ.get(name, "").strip() if name else ""
    for secret in (key, address.basic.removeprefix("Basic "), address.password):
        if secret:
            yield from {secret, secret.replace("/", "\\/"), quote(secret, safe="")}
