"""Refusals as statuses of gRPC, with the words that they have over HTTP."""

from __future__ import annotations

import math
from urllib.parse import quote

import grpc

from routelab.serve.refusal import RefusedError

CODE = "x-routelab-code"
PARAM = "x-routelab-param"
RETRY_AFTER = "retry-after"
_MOST_BYTES = 3_000
"""Of a message; servers and callers take about 8,000 bytes of trailing metadata."""

_PLAIN = " !#$&'()*+-./:;<=>?@[]^_`{|}~"
"""What stays as it is, of a field's place too."""

_STATUSES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    409: grpc.StatusCode.ALREADY_EXISTS,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
_BY_CODE = {"policy_changed": grpc.StatusCode.ABORTED}


def status_code(refusal: RefusedError) -> grpc.StatusCode:
    """What callers branch on: a status of gRPC that means what the one of HTTP does."""
    by_status = _STATUSES.get(refusal.status, grpc.StatusCode.INTERNAL)
    return _BY_CODE.get(refusal.code, by_status)


def details(refusal: RefusedError) -> str:
    """The message, cut where metadata has no room for it."""
    message = refusal.message
    while len(quote(message)) > _MOST_BYTES:  # as it is escaped on its way
        message = message[: len(message) * 3 // 4] + "…"
    return message


def trailing_metadata(refusal: RefusedError) -> tuple[tuple[str, str], ...]:
    """The word for programs, the field that is wrong, when to come back, and what was spent."""
    found = {CODE: refusal.code, **refusal.headers}
    if refusal.param is not None:
        found[PARAM] = quote(refusal.param[:200], safe=_PLAIN)
    if refusal.retry_after_s is not None:
        found[RETRY_AFTER] = str(max(1, math.ceil(refusal.retry_after_s)))
    return tuple(found.items())
