"""Consequences of a try: for the breaker, for retries and for fallbacks."""

from __future__ import annotations

import math

from routelab.runtime.attempts import PASSING, AttemptResult
from routelab.runtime.engine.deployment_state import AttemptReport

TOO_MANY = 429
"""The status of a deployment that is called too often."""

_OF_THE_REQUEST = frozenset((400, 409, 413, 422, 425, TOO_MANY))
"""Statuses that say nothing of the deployment's health."""


def may_pass(tried: AttemptResult) -> bool:
    """Whether the same deployment may answer if it is asked once more."""
    if tried.kind == "status":
        return tried.status is not None and (tried.status in PASSING or tried.status >= 500)
    return tried.kind in ("connect", "timeout", "cut")


def report(tried: AttemptResult, *, hurried: bool, tokens: float | None) -> AttemptReport:
    """What a try says of the deployment.

    Args:
        hurried: the request's deadline left less time than the deployment is granted.
        tokens: that the reply says it used; None if nobody counts them, NaN if it does not say.
    """
    ok, took_s, felt_s = _healthy(tried, hurried=hurried), tried.latency_s, None
    if ok is True:
        felt_s = took_s if math.isnan(tried.first_token_s) else tried.first_token_s
    return AttemptReport(ok, took_s, felt_s, None if tokens is None else _used(tried, tokens))


def _healthy(tried: AttemptResult, *, hurried: bool) -> bool | None:
    if tried.error is None:
        return True
    if tried.kind == "stopped" or (tried.kind == "timeout" and hurried):
        return None
    of_the_request = tried.status in _OF_THE_REQUEST or not tried.elsewhere
    return None if tried.kind == "status" and of_the_request else False


def _used(tried: AttemptResult, tokens: float) -> float | None:
    if not math.isnan(tokens):
        return tokens
    unread = tried.kind in ("connect", "key") or tried.status == TOO_MANY
    return 0.0 if unread else None
