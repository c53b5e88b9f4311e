"""Refusals and failures as callers are told them, in the form that OpenAI's clients read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from routelab.errors import BudgetError, NoModelError, PolicyError, RequestError, RouteError
from routelab.runtime import SHOULD_RETRY
from routelab.runtime.attempts import failure_classes

OF_AN_ANSWER = (
    "x-routelab-decision",
    "x-routelab-policy",
    "x-routelab-model",
    "x-routelab-cost-usd",
    "x-routelab-calls",
)
"""Headers that say what came of a request; of a refusal those are empty that it has none of."""


class RefusedError(Exception):
    """A request that gets no answer, and what its caller is told.

    Attributes:
        status: of HTTP.
        message: for people; it may quote what the caller sent, and so never goes into a log.
        kind: `type` in the body, as OpenAI has it.
        code: a word for programs.
        param: field of the body that is wrong.
        retry_after_s: seconds after which it may be tried again.
        fields: further headers.
        cost_usd, calls: what was spent before it failed; refusals spend nothing.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        retry_after_s: float | None = None,
        fields: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s
        self.fields = fields
        self.cost_usd = 0.0
        self.calls = 0

    @property
    def body(self) -> dict[str, Any]:
        """As OpenAI writes errors."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}

    @property
    def headers(self) -> Mapping[str, str]:
        """What goes with it: when to come back, and what was spent."""
        found = {
            **self.fields,
            "x-routelab-calls": str(self.calls),
            "x-routelab-cost-usd": usd_text(self.cost_usd),
        }
        if self.retry_after_s is not None:
            found["retry-after"] = str(max(1, math.ceil(self.retry_after_s)))
        if self.kind == "insufficient_quota":
            found[SHOULD_RETRY] = "false"  # clients would at once
        if self.status == 401:
            found["www-authenticate"] = "Bearer"
        return found


class CallerLeftError(Exception):
    """Whoever asked has hung up; there is nobody to tell."""


def usd_text(usd: float) -> str:
    """An amount as a header has it; the empty text where it is not known."""
    return "" if math.isnan(usd) else f"{usd:.12g}"


def malformed(problems: Sequence[tuple[str | None, str]]) -> RefusedError:
    """A body that is wrong, with everything that is.

    Args:
        problems: each with the field it is about, None for the whole.
    """
    message = "; ".join(problem for _, problem in problems)
    return RefusedError(400, message, "invalid_value", param=problems[0][0])


def of_error(error: RouteError | PolicyError) -> RefusedError:
    """What the caller is told of a request that a router would not or could not answer."""
    if isinstance(error, PolicyError):  # the deployment's fault, not the caller's
        return RefusedError(
            500, "the policy cannot decide this request", "policy_error", kind="server_error"
        )
    if isinstance(error, RequestError):
        return RefusedError(400, str(error), "invalid_value")
    refusal = _of_route_error(error)
    refusal.cost_usd = error.cost_usd
    refusal.calls = sum(bool(step.feedback.attempts) for step in error.steps)
    return refusal


def _of_route_error(error: RouteError) -> RefusedError:
    if isinstance(error, NoModelError):
        return RefusedError(400, str(error), "no_model_allowed")
    if isinstance(error, BudgetError):
        return RefusedError(
            429,
            str(error),
            "insufficient_quota",
            kind="insufficient_quota",
            retry_after_s=error.retry_after_s,
        )
    tried = [it.failure for step in error.steps for it in step.feedback.attempts]
    last = failure_classes().get(tried[-1]) if tried else None
    if last is not None and last.name == "rate":
        return RefusedError(
            429,
            str(error),
            "rate_limit_exceeded",
            kind="rate_limit_error",
            retry_after_s=error.retry_after_s,
        )
    if last is not None and (last.fault == "caller" or last.name == "unsupported"):
        return RefusedError(400, str(error), "refused_by_model")
    return RefusedError(
        503,
        str(error),
        "no_model_answered",
        kind="server_error",
        retry_after_s=error.retry_after_s,
    )
