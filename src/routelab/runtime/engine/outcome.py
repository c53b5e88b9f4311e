"""Consequences of an attempt: for the breaker, for retries and for fallbacks."""

from __future__ import annotations

import math

from routelab.runtime.attempts import PASSING, AttemptResult
from routelab.runtime.engine.deployment_state import AttemptReport

TOO_MANY = 429
"""The status of a deployment that is called too often."""

_OF_THE_REQUEST = frozenset((400, 409, 413, 422, 425, TOO_MANY))
"""Statuses that say nothing of the deployment's health."""


def may_pass(result: AttemptResult) -> bool:
    """Whether the same deployment may answer if it is asked once more."""
    if result.kind == "status":
        return result.status is not None and (result.status in PASSING or result.status >= 500)
    return result.kind in ("connect", "busy", "timeout", "cut")


def report(result: AttemptResult, *, hurried: bool, tokens: float | None) -> AttemptReport:
    """What an attempt says of the deployment.

    Args:
        hurried: the request's deadline left less time than the deployment is granted.
        tokens: that the reply says it used; None if nobody counts them, NaN if it does not say.
    """
    ok, took_s, felt_s = _healthy(result, hurried=hurried), result.latency_s, None
    if ok is True:
        felt_s = took_s if math.isnan(result.first_token_s) else result.first_token_s
    return AttemptReport(ok, took_s, felt_s, None if tokens is None else _used(result, tokens))


def _healthy(result: AttemptResult, *, hurried: bool) -> bool | None:
    if result.error is None:
        return True
    if result.kind in ("stopped", "busy") or (result.kind == "timeout" and hurried):
        return None
    of_the_request = result.status in _OF_THE_REQUEST or not result.elsewhere
    return None if result.kind == "status" and of_the_request else False


def _used(result: AttemptResult, tokens: float) -> float | None:
    if not math.isnan(tokens):
        return tokens
    unread = result.kind in ("connect", "busy", "key") or result.status == TOO_MANY
    return 0.0 if unread else None
