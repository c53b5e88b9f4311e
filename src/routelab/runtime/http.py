"""Endpoints over HTTP; the only user of httpx."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import httpx

from routelab.core.catalogue import Deployment
from routelab.runtime.upstream import Kind, Reply, UpstreamError, address
from routelab.runtime.wire import encode_json

_UNSENT = (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.PoolTimeout)
"""Failures of a request that never left."""

_LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class HttpUpstream:
    """Sends chat requests with an httpx client, opened by the first one.

    Args:
        client: a client to use, which stays its owner's to close.
        transport: of a client of our own.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._given = client
        self._own: httpx.AsyncClient | None = None
        self._transport = transport

    async def send(
        self,
        deployment: Deployment,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        connect_s: float,
    ) -> Reply:
        key = _key(deployment)
        authorization = {"authorization": f"Bearer {key}"} if key else {}
        auth = httpx.Auth() if key else httpx.USE_CLIENT_DEFAULT  # else an address's own would win
        try:
            response = await self._client().post(
                deployment.base_url.rstrip("/") + "/chat/completions",
                content=encode_json(body),
                headers={"content-type": "application/json", **headers, **authorization},
                timeout=httpx.Timeout(None, connect=None if math.isinf(connect_s) else connect_s),
                auth=auth,
            )
        except httpx.ConnectTimeout:
            raise UpstreamError(f"no connection in {connect_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind: Kind = "connect" if isinstance(error, _UNSENT) else "cut"
            raise UpstreamError(f"{type(error).__name__} {error}".strip(), kind) from None
        return Reply(response.status_code, response.content, dict(response.headers))

    def hide(self, deployment: Deployment, text: str) -> str:
        key = os.environ.get(deployment.api_key_env, "").strip() if deployment.api_key_env else ""
        return text.replace(key, "***") if key else text

    async def aclose(self) -> None:
        """Close the client if it is our own."""
        client, self._own = self._own, None
        if client is not None:
            await client.aclose()

    def _client(self) -> httpx.AsyncClient:
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = httpx.AsyncClient(
                transport=self._transport,
                limits=httpx.Limits(max_connections=256, max_keepalive_connections=64),
                mounts=dict.fromkeys(_LOOPBACK) if self._transport is None else None,
            )
        return self._own


def _key(deployment: Deployment) -> str:
    """The deployment's key; empty if it needs none."""
    name = deployment.api_key_env
    if not name:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        raise UpstreamError(
            f"the environment variable {name} is not set; export {name} with the key of"
            f" {deployment.provider or address(deployment)}",
            "key",
        )
    if not (key.isascii() and key.isprintable()):
        raise UpstreamError(
            f"the environment variable {name} holds what no header can carry", "key"
        )
    return key
