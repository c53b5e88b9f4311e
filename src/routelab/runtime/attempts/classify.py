"""Classification of one attempt's result: an answer, or a failure of some kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core.catalogue import Deployment
from routelab.runtime.attempts.retry_after import retry_after_s
from routelab.runtime.attempts.usage_dialects import usage_of
from routelab.runtime.upstream import Kind, OutgoingRequest, Reply, deployment_label
from routelab.runtime.wire import SHOULD_RETRY
from routelab.signals import answer_text

_FINAL = frozenset((400, 413, 422))
"""The request itself is at fault, so that no other deployment would take it."""

PASSING = frozenset((408, 409, 425, 429))
"""Statuses, beside 5xx, that may be gone a moment later."""

_SHOWN = 200
"""Characters of a body that an error message quotes."""


class AttemptResult(msgspec.Struct, frozen=True):
    """The result of one attempt at a deployment.

    Attributes:
        deployment: for people, without credentials.
        body: the response; of a failure only what it is known to have used; None if nothing is.
        error: why this is no answer, or None.
        elsewhere: another deployment may answer what this one did not.
        status: of HTTP; None without a reply.
        kind: of failure; empty for an answer.
        retry_after_s: seconds after which the deployment says it may be asked again.
        latency_s: from sending to the end of the reply or its failure.
        first_token_s: from sending to the first piece of the answer; NaN if it did not stream.
        delivered: a piece went to the sink, so that no other attempt may follow.
    """

    deployment: str
    body: Mapping[str, Any] | None = None
    error: str | None = None
    elsewhere: bool = True
    status: int | None = None
    kind: Kind = ""
    retry_after_s: float | None = None
    latency_s: float = math.nan
    first_token_s: float = math.nan
    delivered: bool = False

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """The response, if it is an answer."""
        return self.body if self.error is None else None

    @property
    def lasting(self) -> bool:
        """Whether it will fail in the same way until somebody repairs something, such as a key."""
        refused = self.status is not None and 400 <= self.status < 500
        return self.kind == "key" or (refused and self.status not in PASSING | _FINAL)


def failed(deployment: Deployment, error: str, kind: Kind) -> AttemptResult:
    """An attempt without a reply that could be judged."""
    return AttemptResult(deployment_label(deployment), error=error, kind=kind)


def late(outgoing: OutgoingRequest, reason: str) -> AttemptResult:
    """An attempt whose time was over before its reply began."""
    if outgoing.progress.waits:
        return failed(outgoing.deployment, f"no connection was free here, so {reason}", "busy")
    return failed(outgoing.deployment, reason, "timeout")


def classify(deployment: Deployment, reply: Reply, now: float) -> AttemptResult:
    """What a complete reply is worth.

    Args:
        now: Unix time in seconds.
    """
    where, body = deployment_label(deployment), reply.decoded()
    if not 200 <= reply.status < 300:
        final = reply.status in _FINAL or reply.headers.get(SHOULD_RETRY) == "false"
        return AttemptResult(
            where,
            _used(body),
            f"answered {reply.status}: {_message(body, reply)}",
            elsewhere=not final,
            status=reply.status,
            kind="status",
            retry_after_s=retry_after_s(reply.headers, now),
        )
    if body is None:
        error = f"answered no JSON object: {_quote(reply)}"
        return AttemptResult(where, error=error, status=reply.status, kind="malformed")
    if answer_text(body) is None:
        detail = f": {_message(body, reply)}" if "error" in body else ""
        error = f"answered without choices{detail}"
        return AttemptResult(where, _used(body), error, status=reply.status, kind="malformed")
    return AttemptResult(where, body, status=reply.status)


def _used(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a failure cost, without what it says, which may quote a key."""
    return None if body is None else {"usage": usage_of(body)}


def _message(body: Mapping[str, Any] | None, reply: Reply) -> str:
    """What the endpoint says went wrong."""
    value: object = body or {}
    for field in ("error", "message", "detail"):
        if isinstance(value, Mapping) and value.get(field):
            value = value[field]
    return value[:_SHOWN] if isinstance(value, str) else _quote(reply)


def _quote(reply: Reply) -> str:
    body = reply.body if isinstance(reply.body, bytes) else str(reply.body).encode()
    text = body[: 4 * _SHOWN].decode(errors="replace")[:_SHOWN]
    return " ".join(text.split()) or "an empty body"
