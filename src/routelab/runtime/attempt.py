"""One try of a call at one deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core.catalogue import Deployment
from routelab.runtime.upstream import Reply, Upstream, UpstreamError, address
from routelab.runtime.wire import SHOULD_RETRY, decode_json
from routelab.signals.answer_text import answer_text

_FINAL = frozenset((400, 413, 422))
"""The request itself is at fault, so that no other deployment would take it."""

_SHOWN = 200
"""Characters of a body that an error message quotes."""


class Attempt(msgspec.Struct, frozen=True):
    """What came of one try.

    Attributes:
        deployment: for people, without credentials.
        body: the response, also of a failure; None if there is none that can be read.
        error: why this is no answer, or None.
        elsewhere: another deployment may answer what this one did not.
    """

    deployment: str
    body: Mapping[str, Any] | None = None
    error: str | None = None
    elsewhere: bool = True

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """The response, if it is an answer."""
        return self.body if self.error is None else None


async def attempt(
    upstream: Upstream,
    deployment: Deployment,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    timeout_s: float,
) -> Attempt:
    """Ask one deployment once; whatever goes wrong there is in the result."""
    where = address(deployment)
    try:
        async with asyncio.timeout(timeout_s):
            sent = {**body, "model": deployment.model}
            reply = await upstream.send(deployment, sent, headers)
    except TimeoutError:
        return Attempt(where, error=f"no answer in {timeout_s:g} s")
    except UpstreamError as error:
        return Attempt(where, error=str(error))
    return _judge(where, reply)


def _judge(where: str, reply: Reply) -> Attempt:
    body = _decoded(reply)
    if not 200 <= reply.status < 300:
        error = f"answered {reply.status}: {_message(body, reply)}"
        final = reply.status in _FINAL or reply.headers.get(SHOULD_RETRY) == "false"
        return Attempt(where, body, error, elsewhere=not final)
    if body is None:
        return Attempt(where, error=f"answered no JSON object: {_quote(reply)}")
    if answer_text(body) is None:
        said = f": {_message(body, reply)}" if "error" in body else ""
        return Attempt(where, body, f"answered without choices{said}")
    return Attempt(where, body)


def _decoded(reply: Reply) -> Mapping[str, Any] | None:
    if not isinstance(reply.body, bytes):
        return reply.body
    try:
        body = decode_json(reply.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _message(body: Mapping[str, Any] | None, reply: Reply) -> str:
    """What the endpoint says went wrong."""
    said: object = body or {}
    for field in ("error", "message", "detail"):
        if isinstance(said, Mapping) and said.get(field):
            said = said[field]
    return said[:_SHOWN] if isinstance(said, str) else _quote(reply)


def _quote(reply: Reply) -> str:
    body = reply.body if isinstance(reply.body, bytes) else str(reply.body).encode()
    text = body[: 4 * _SHOWN].decode(errors="replace")[:_SHOWN]
    return " ".join(text.split()) or "an empty body"
