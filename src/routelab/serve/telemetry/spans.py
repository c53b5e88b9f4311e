"""Spans of a finished request: one for it, and one below for each attempt at a deployment."""

from __future__ import annotations

import math

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from routelab.core import Attempt, Step
from routelab.runtime import FinishedRequest
from routelab.serve.telemetry.attributes import CHAT, Attributes, attempt_attributes
from routelab.serve.telemetry.conventions import Conventions

ROUTE = "route"
_NANO = 1_000_000_000


class SpanWriter:
    """Writes spans once everything about them is known.

    Args:
        tracer: that makes them.
        names: which conventions hold.
    """

    def __init__(self, tracer: Tracer, names: Conventions) -> None:
        self._tracer = tracer
        self._names = names

    def write(
        self, finished: FinishedRequest, policy: str, now_s: float, clock_begin_s: float
    ) -> None:
        """Write the spans of a request.

        Args:
            policy: the name of the policy that decided.
            now_s: Unix seconds at which the request ended.
            clock_begin_s: Unix seconds at which the router's clock was 0.
        """
        began = _nano(now_s - finished.latency_s)
        route = self._tracer.start_span(
            ROUTE, kind=SpanKind.INTERNAL, start_time=began, attributes=_of(finished, policy)
        )
        if finished.answer is None and finished.status != "cancelled":
            route.set_status(Status(StatusCode.ERROR, finished.status))
        if route.is_recording():
            for step in finished.steps:
                for it in step.feedback.attempts:
                    if math.isfinite(it.sent_s) and math.isfinite(it.latency_s):
                        self._attempt(route, step, it, clock_begin_s + it.sent_s)
        route.end(_nano(now_s))

    def _attempt(self, route: Span, step: Step, it: Attempt, sent_s: float) -> None:
        attributes = attempt_attributes(it, self._names)
        span = self._tracer.start_span(
            f"{CHAT} {attributes['gen_ai.request.model']}",
            context=set_span_in_context(route),
            kind=SpanKind.CLIENT,
            start_time=_nano(sent_s),
            attributes={**attributes, **_details(step, it)},
        )
        if it.error is not None:
            span.set_status(Status(StatusCode.ERROR, it.failure))
        span.end(_nano(sent_s + it.latency_s))


def _of(finished: FinishedRequest, policy: str) -> Attributes:
    request, answer = finished.request, finished.answer
    found: Attributes = {
        "routelab.request.id": request.id,
        "routelab.policy": policy,
        "routelab.policy.digest": finished.policy,
        "routelab.status": finished.status,
        "routelab.calls": len(finished.steps),
        "routelab.degraded": finished.degraded,
        "routelab.tenant": request.tenant,
        "routelab.task": request.task,
        "routelab.priority": request.priority,
        **_known({"routelab.cost_usd": finished.cost_usd}),
    }
    if answer is not None:
        found["gen_ai.response.model"] = answer.model
    return {name: it for name, it in found.items() if it != ""}


def _details(step: Step, it: Attempt) -> Attributes:
    """What a span says beyond what metrics are told apart by."""
    feedback = step.feedback
    found: Attributes = {
        "routelab.model": it.model,
        "routelab.turn": step.turn,
        "routelab.sample": it.sample,
        "gen_ai.request.stream": math.isfinite(it.first_token_s),
        **_known(
            {
                "gen_ai.response.time_to_first_chunk": it.first_token_s,
                "routelab.cost_usd": it.cost_usd,
                "routelab.queued_s": it.queued_s,
                "routelab.propensity": step.propensity,
            }
        ),
        **_whole("gen_ai.usage.input_tokens", it.prompt_tokens),
        **_whole("gen_ai.usage.output_tokens", it.completion_tokens),
    }
    if it.status is not None:
        found["http.response.status_code"] = it.status
    if it.error is None:
        signals = {f"routelab.signal.{name}": value for name, value in feedback.signals.items()}
        found |= _known(signals)
        if step.threshold is not None:
            found |= _known({"routelab.threshold": step.threshold})
        found["routelab.rejected"] = bool(feedback.rejected)
    return found


def _known(values: dict[str, float]) -> Attributes:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _whole(name: str, value: float) -> Attributes:
    return {name: int(value)} if math.isfinite(value) else {}


def _nano(seconds: float) -> int:
    return round(seconds * _NANO)
