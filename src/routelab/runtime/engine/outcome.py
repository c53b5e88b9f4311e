"""What an attempt says of its deployment: for the breaker, for balancing and for its limits."""

from __future__ import annotations

import math

from routelab.runtime.attempts import AttemptResult
from routelab.runtime.engine.deployment_state import AttemptReport


def report(result: AttemptResult, *, hurried: bool, tokens: float | None) -> AttemptReport:
    """What an attempt says of the deployment.

    Args:
        hurried: the request's deadline left less time than the deployment is granted.
        tokens: that the reply says it used; None if nobody counts them, NaN if it does not say.
    """
    ok, took_s, felt_s = _healthy(result, hurried=hurried), result.latency_s, None
    if ok is True:
        felt_s = took_s if math.isnan(result.first_token_s) else result.first_token_s
    used = None if tokens is None else _used(result, tokens)
    return AttemptReport(ok, took_s, felt_s, used, result.failure.doubtful)


def _healthy(result: AttemptResult, *, hurried: bool) -> bool | None:
    if result.error is None:
        return True
    if result.kind == "timeout" and hurried:
        return None
    return False if result.failure.against else None


def _used(result: AttemptResult, tokens: float) -> float | None:
    if not math.isnan(tokens):
        return tokens
    unread = result.kind in ("connect", "busy", "key") or result.failure.name == "rate"
    return 0.0 if unread else None
