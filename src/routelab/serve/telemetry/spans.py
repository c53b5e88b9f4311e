"""Spans of a request: one for it, and one below for each attempt at a deployment."""

from __future__ import annotations

import math
from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from routelab.core import Attempt, Request, Step
from routelab.runtime import FinishedRequest, TraceContext
from routelab.serve.telemetry.attributes import (
    CHAT,
    Attributes,
    attempt_attributes,
    split_deployment,
)
from routelab.serve.telemetry.conventions import Conventions
from routelab.serve.telemetry.decided_request import DecidedRequest

ROUTE, DECIDE = "route", "decide"
_NANO = 1_000_000_000
_W3C = TraceContextTextMapPropagator()
"""Providers are told ids alone, and no baggage, whatever the process propagates otherwise."""


class RequestSpan:
    """The span of a request that is under way, and of its attempts.

    Args:
        tracer: that makes them.
        route: the request's own span.
        context: in which the caller was.
        clock_begin_s: Unix seconds at which the router's clock was 0.
    """

    def __init__(
        self, tracer: Tracer, route: Span, context: TraceContext | None, clock_begin_s: float
    ) -> None:
        self.route = route
        self.clock_begin_s = clock_begin_s
        self._tracer = tracer
        self._unchanged = {} if context is None else context.headers
        self._open: dict[tuple[str, int, float], list[Span]] = {}

    def sending(self, deployment: str, sample: int, sent_s: float) -> Mapping[str, str]:
        """Headers of an attempt: its span's ids, or the caller's where no spans are made.

        Args:
            deployment: as records name it.
            sample: of the call.
            sent_s: seconds of the router's clock.
        """
        span = self.opened(deployment, sent_s)
        self._open.setdefault((deployment, sample, sent_s), []).append(span)
        told: dict[str, str] = {}
        _W3C.inject(told, set_span_in_context(span))
        return told or self._unchanged

    def opened(self, deployment: str, sent_s: float) -> Span:
        """A span that an attempt begins with."""
        model, server = split_deployment(deployment)
        return self._tracer.start_span(
            f"{CHAT} {model}",
            context=set_span_in_context(self.route),
            kind=SpanKind.CLIENT,
            start_time=_nano(self.clock_begin_s + sent_s),
            attributes={"gen_ai.operation.name": CHAT, "gen_ai.request.model": model, **server},
        )

    def of(self, it: Attempt) -> Span:
        """The span of an attempt that is over; a fresh one where it had none."""
        open_spans = self._open.get((it.deployment, it.sample, it.sent_s))
        return open_spans.pop(0) if open_spans else self.opened(it.deployment, it.sent_s)

    def abandon(self, now_s: float) -> None:
        """End the spans of attempts of which nothing is recorded, as nobody waited for them."""
        for spans in self._open.values():
            for span in spans:
                span.set_attribute("error.type", "cancelled")
                span.set_status(Status(StatusCode.ERROR, "cancelled"))
                span.end(_nano(now_s))
        self._open.clear()


class SpanWriter:
    """Begins spans as requests and attempts do, so that endpoints hear of them, and ends them once
    everything about them is known.

    Args:
        tracer: that makes them.
        names: which conventions hold.
    """

    def __init__(self, tracer: Tracer, names: Conventions) -> None:
        self._tracer = tracer
        self._names = names

    def begin(
        self, request: Request, context: TraceContext | None, began_s: float, clock_begin_s: float
    ) -> RequestSpan:
        """Begin the span of a request.

        Args:
            request: as its policy sees it.
            context: of the trace that its caller is in; the current span is the parent without.
            began_s: Unix seconds.
            clock_begin_s: Unix seconds at which the router's clock was 0.
        """
        route = self._tracer.start_span(
            ROUTE,
            context=parent_of(context),
            kind=SpanKind.INTERNAL,
            start_time=_nano(began_s),
            attributes=_asked(request),
        )
        return RequestSpan(self._tracer, route, context, clock_begin_s)

    def write(
        self, finished: FinishedRequest, policy: str, now_s: float, open_: RequestSpan
    ) -> None:
        """Write the spans of a request that is over.

        Args:
            finished: the request.
            policy: the name of the policy that decided.
            now_s: Unix seconds at which the request ended.
            open_: its spans.
        """
        route = open_.route
        route.set_attributes(_of(finished, policy))
        if finished.answer is None and finished.status != "cancelled":
            route.set_status(Status(StatusCode.ERROR, finished.status))
        if route.is_recording():
            for step in finished.steps:
                for it in step.feedback.attempts:
                    if math.isfinite(it.sent_s) and math.isfinite(it.latency_s):
                        self._attempt(open_, step, it)
        open_.abandon(now_s)
        route.end(_nano(now_s))

    def decided(self, it: DecidedRequest, now_s: float) -> None:
        """Write the span of a decision alone."""
        span = self._tracer.start_span(
            DECIDE,
            context=parent_of(it.context),
            kind=SpanKind.INTERNAL,
            start_time=_nano(now_s - it.latency_s),
            attributes={**_asked(it.request), **it.attributes},
        )
        if it.status not in ("answered", "cancelled"):
            span.set_status(Status(StatusCode.ERROR, it.status))
        span.end(_nano(now_s))

    def _attempt(self, open_: RequestSpan, step: Step, it: Attempt) -> None:
        span = open_.of(it)
        span.set_attributes({**attempt_attributes(it, self._names), **_details(step, it)})
        if it.error is not None:
            span.set_status(Status(StatusCode.ERROR, it.failure))
        span.end(_nano(open_.clock_begin_s + it.sent_s + it.latency_s))


def parent_of(context: TraceContext | None) -> Context | None:
    """The parent that a caller names; None for the span that is current."""
    return None if context is None else _W3C.extract(context.headers)


def _asked(request: Request) -> Attributes:
    """What is known of a request from its beginning."""
    found: Attributes = {
        "routelab.request.id": request.id,
        "routelab.tenant": request.tenant,
        "routelab.task": request.task,
        "routelab.priority": request.priority,
    }
    return {name: it for name, it in found.items() if it != ""}


def _of(finished: FinishedRequest, policy: str) -> Attributes:
    found: Attributes = {
        "routelab.policy": policy,
        "routelab.policy.digest": finished.policy,
        "routelab.status": finished.status,
        "routelab.calls": len(finished.steps),
        "routelab.degraded": finished.degraded,
        **_known({"routelab.cost_usd": finished.cost_usd}),
    }
    if finished.answer is not None:
        found["gen_ai.response.model"] = finished.answer.model
    return found


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
