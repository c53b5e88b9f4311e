"""A request that is over, however it ended: what the log and the metrics are made from."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import msgspec

from routelab.core import Choice, Context, Decision, Feedback, Request, Score, Step
from routelab.core.storage import Status
from routelab.errors import BudgetError, NoModelError, RouteError, RoutelabError


class FinishedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has ended, with every call made for it.

    Attributes:
        request: as the policy saw it.
        policy: SHA-256 of the policy that decided.
        timestamp_s: Unix seconds at which it ended.
        latency_s: from asking to the end.
        cost_usd: of all calls; NaN if one is unknown.
        answer: the feedback delivered; None if there was none.
        error: why there was none.
        degraded: a budget had it decided by the cheaper policy.
        reasons: of the policy's choices, in words; empty unless the router explains decisions.
        end_propensity: probability of no further call, given all calls; NaN if it is not known.
    """

    request: Request
    policy: str
    status: Status
    timestamp_s: float
    latency_s: float
    cost_usd: float
    steps: tuple[Step, ...] = ()
    choices: tuple[Choice, ...] = ()
    scores: tuple[Score, ...] = ()
    answer: Feedback | None = None
    error: str | None = None
    degraded: bool = False
    reasons: tuple[str, ...] = ()
    end_propensity: float = math.nan


def reached_endpoint(feedback: Feedback) -> bool:
    """Whether a call reached an endpoint: one that failed before it was sent was never made."""
    return bool(feedback.attempts) or feedback.error is None


def answered(
    decision: Decision,
    request: Request,
    policy: str,
    *,
    timestamp_s: float,
    latency_s: float,
    degraded: bool = False,
) -> FinishedRequest:
    """A request with an answer."""
    return FinishedRequest(
        request=request,
        policy=policy,
        status="answered",
        timestamp_s=timestamp_s,
        latency_s=latency_s,
        cost_usd=decision.cost_usd,
        steps=decision.steps,
        choices=decision.choices,
        scores=decision.scores,
        answer=decision.answer,
        degraded=degraded,
        reasons=decision.reasons,
        end_propensity=decision.end_propensity,
    )


def ended(
    error: BaseException,
    x: Context,
    policy: str,
    *,
    timestamp_s: float,
    latency_s: float,
    degraded: bool = False,
) -> FinishedRequest:
    """A request without an answer, as far as it came."""
    return FinishedRequest(
        request=x.request,
        policy=policy,
        status=_status(error, x.steps),
        timestamp_s=timestamp_s,
        latency_s=latency_s,
        cost_usd=x.spent_usd,
        steps=tuple(x.steps),
        choices=tuple(x.choices),
        scores=tuple(x.scores),
        error=_error_text(error),
        degraded=degraded,
        reasons=tuple(x.reasons or ()),
        end_propensity=x.end_propensity,
    )


def _status(error: BaseException, steps: Sequence[Step]) -> Status:
    if isinstance(error, BudgetError | NoModelError):
        return "refused"
    if isinstance(error, RouteError):
        sent = any(step.feedback.attempts for step in steps)
        return "failed" if sent or not steps else "shed"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "broken"


def _error_text(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, RouteError):
        return error.detail
    return str(error) if isinstance(error, RoutelabError) else f"{type(error).__name__}: {error}"
