"""A chat request as httpx sends it."""

from __future__ import annotations

import math
import os
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import httpx

from routelab.core.catalogue import Deployment, looks_like_key
from routelab.runtime.upstream import OutgoingRequest, UpstreamError, deployment_label
from routelab.runtime.wire import encode_request
from routelab.version import __version__

Raw: TypeAlias = list[tuple[bytes, bytes]]
Pair: TypeAlias = tuple[str, str]

_PACKED = (b"Accept-Encoding", b"gzip, deflate")
"""Ways of packing of which it is known what they unpack to before it is there."""

_USUAL: Raw = [
    (b"Accept", b"*/*"),
    _PACKED,
    (b"Connection", b"keep-alive"),
    (b"User-Agent", b"routelab/%b" % __version__.encode()),
]

_OF_HTTPX = frozenset(("host", "content-length", "transfer-encoding"))
"""Headers that httpx writes itself, unless a client says them."""


class RequestBuilder:
    """Builds requests as `client.build_request` does, at a sixth of its cost where it can.

    It can for an `httpx.AsyncClient` that is no subclass and has no cookies, parameters or
    headers of its own to lay over a request's. A client may change at any time.
    """

    def __init__(self, library: ModuleType = httpx) -> None:
        self._library: Any = library
        self._raw: Raw = []
        self._sent: Raw = []
        self._names = frozenset[str]()

    def build(self, client: Any, outgoing: OutgoingRequest) -> tuple[Any, Any]:
        """A request, and how the client is to authenticate it.

        Raises:
            UpstreamError: there is no key to send.
            httpx.InvalidURL: the address is none.
        """
        address, headers = _headed(outgoing)
        # a client's own credentials must not go before these
        library = self._library
        auth = library.Auth() if "authorization" in headers else library.USE_CLIENT_DEFAULT
        if self._plain(client, address, headers):
            return _request(outgoing, address, headers, self._sent), auth
        content, limit = encode_request(outgoing.body), _timeout(outgoing.timeouts.connect_s)
        url = address.url if library is httpx else str(address.url)
        timeout = library.Timeout(None, connect=limit.connect)
        request = client.build_request(
            "POST", url, content=content, headers=headers, timeout=timeout
        )
        request.headers["Accept-Encoding"] = _PACKED[1].decode()
        return request, auth

    def _plain(self, client: Any, address: Address, headers: dict[str, str]) -> bool:
        """Whether a client has nothing to lay over a request but headers of other names."""
        if type(client) is not httpx.AsyncClient or not address.netloc:
            return False
        if client.cookies or client.params:
            return False
        raw = client.headers.raw
        if raw != self._raw:
            self._raw, self._names = raw, frozenset(client.headers)
            self._sent = [_PACKED if it[0].lower() == b"accept-encoding" else it for it in raw]
        return self._names.isdisjoint(headers) and self._names.isdisjoint(_OF_HTTPX)


def straight(outgoing: OutgoingRequest) -> httpx.Request:
    """A request for a transport.

    Raises:
        UpstreamError: there is no key to send.
        httpx.InvalidURL, httpx.UnsupportedProtocol: the address is none.
    """
    address, headers = _headed(outgoing)
    if not address.netloc:
        raise httpx.UnsupportedProtocol("base_url needs http:// or https:// and a host")
    return _request(outgoing, address, headers, _USUAL)


def _headed(outgoing: OutgoingRequest) -> tuple[Address, dict[str, str]]:
    """Where a request goes, and with which headers."""
    deployment = outgoing.deployment
    address, key = address_of(deployment.base_url), key_of(deployment)
    headers = {"content-type": "application/json", **outgoing.headers}
    if authorization := f"Bearer {key}" if key else address.basic:
        headers["authorization"] = authorization
    return address, headers


def _request(
    outgoing: OutgoingRequest, address: Address, headers: Mapping[str, str], more: Raw
) -> httpx.Request:
    """A request whose headers are complete; time limits of an answer are not httpx's to keep."""
    content = encode_request(outgoing.body)
    own = outgoing.headers  # ids of requests, which are others each time
    fixed = (it for it in headers.items() if own.get(it[0]) is not it[1])
    ready = _ready(address.netloc, tuple(more), *fixed)
    limits = {"timeout": _timeout(outgoing.timeouts.connect_s).as_dict()}
    body = httpx.ByteStream(content)
    request = httpx.Request("POST", address.url, headers=ready, stream=body, extensions=limits)
    request.headers.encoding = ready.encoding  # or httpx finds it out for each request
    for name, value in own.items():
        if headers[name] is value:
            request.headers[name] = value
    request.headers["Content-Length"] = str(len(content))
    request.read()  # so that hooks and transports see its content
    return request


@lru_cache(maxsize=256)
def _ready(netloc: bytes, more: tuple[tuple[bytes, bytes], ...], *own: Pair) -> httpx.Headers:
    """Headers that requests share, in httpx's form, which takes it longer than all else."""
    named = [(name.encode(), value.encode("ascii")) for name, value in own]
    return httpx.Headers([(b"Host", netloc), *more, *named])


class Address(NamedTuple):
    """Where a deployment takes requests.

    Attributes:
        url: without credentials, which not every transport takes.
        basic: the `authorization` that they make; empty without any.
        netloc: host and port; empty for an address that a client has to complete.
        host: scheme, host and port.
    """

    url: httpx.URL
    basic: str
    password: str
    netloc: bytes = b""
    host: str = ""


@lru_cache(maxsize=1024)
def address_of(base_url: str) -> Address:
    """The address of chat requests.

    Raises:
        httpx.InvalidURL: there can be none.
    """
    url = httpx.URL(base_url.rstrip("/") + "/chat/completions")
    netloc = b"" if url.is_relative_url or not url.host else url.netloc
    host = f"{url.scheme}://{netloc.decode('latin-1')}"
    if not url.userinfo:
        return Address(url, "", "", netloc, host)
    pair = f"{url.username}:{url.password}".encode()
    basic = f"Basic {b64encode(pair).decode()}"
    return Address(url.copy_with(userinfo=b""), basic, url.password, netloc, host)


def key_of(deployment: Deployment) -> str:
    """The deployment's key; empty if it needs none.

    Raises:
        UpstreamError: it is not set, or no header can carry it.
    """
    name = deployment.api_key_env
    if not name:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        shown = (
            "that api_key_env names" if looks_like_key(name) else name
        )  # it may be the key itself
        raise UpstreamError(
            f"the environment variable {shown} is not set; export {shown} with the key of"
            f" {deployment.provider or deployment_label(deployment)}",
            "key",
        )
    if not (key.isascii() and key.isprintable()):
        raise UpstreamError(
            f"the environment variable {name} holds what no header can carry", "key"
        )
    return key


@lru_cache(maxsize=64)
def _timeout(connect_s: float) -> httpx.Timeout:
    return httpx.Timeout(None, connect=None if math.isinf(connect_s) else connect_s)
