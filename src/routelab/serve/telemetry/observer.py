"""An observer of routers that makes spans and metrics of finished requests."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from routelab.core import Request
from routelab.runtime import FinishedRequest, RequestTracer, TraceContext
from routelab.runtime.budgets import Alert
from routelab.serve.telemetry.conventions import Conventions
from routelab.serve.telemetry.decided_request import DecidedRequest
from routelab.serve.telemetry.instruments import Instruments
from routelab.serve.telemetry.spans import RequestSpan, SpanWriter
from routelab.version import __version__

SCOPE = "routelab"


class TelemetryObserver:
    """Tells OpenTelemetry of every request: a span for it and one for each attempt, and metrics.

    It holds neither prompts nor answers. Spans begin when requests and attempts do, so that
    endpoints are told of them; they end once everything is known, with the times at which things
    were. The parent is the one that a request's `trace_context` names, or the current span.

    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from routelab.runtime import RouterConfig
    >>> from routelab.serve.telemetry import TelemetryObserver
    >>> config = RouterConfig(observers=[TelemetryObserver(tracers=TracerProvider())])

    Args:
        tracers, meters: that make spans and metrics; None for none of them.
        conventions: which names are used.
        policy_name: of a policy's SHA-256, for attributes; the hash itself unless given.
        clock, wall_clock: the router's.
    """

    def __init__(
        self,
        tracers: TracerProvider | None = None,
        meters: MeterProvider | None = None,
        conventions: Conventions | None = None,
        policy_name: Callable[[str], str] = str,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        names = conventions or Conventions(present=True, former=False)
        self._policy_name = policy_name
        self._clock, self._wall_clock = clock, wall_clock
        self._spans = self._instruments = None
        if tracers is not None:
            self._spans = SpanWriter(tracers.get_tracer(SCOPE, __version__), names)
        if meters is not None:
            self._instruments = Instruments(meters.get_meter(SCOPE, __version__), names)
        self._under_way: dict[int, RequestSpan] = {}  # by the request, which is held elsewhere

    def begun(self, request: Request, context: TraceContext | None) -> RequestTracer | None:
        """A request is under way.

        Args:
            request: as its policy sees it.
            context: of the trace that its caller is in.
        Returns:
            What its attempts are sent with; None where no spans are made.
        """
        if self._spans is None:
            return None
        now_s = self._wall_clock()
        span = self._spans.begin(request, context, now_s, now_s - self._clock())
        self._under_way[id(request)] = span
        return span

    def finished(self, finished: FinishedRequest) -> None:
        """A request is over."""
        policy = self._policy_name(finished.policy)
        if self._spans is not None:
            now_s = self._wall_clock()
            span = self._under_way.pop(id(finished.request), None)
            if span is None:  # others made its calls
                clock_begin_s = now_s - self._clock()
                latency_s = finished.latency_s
                began_s = now_s - (latency_s if math.isfinite(latency_s) else 0.0)
                span = self._spans.begin(finished.request, None, began_s, clock_begin_s)
            self._spans.write(finished, policy, now_s, span)
        if self._instruments is not None:
            self._instruments.count(finished, policy)

    def decided(self, decided: DecidedRequest) -> None:
        """A decision was made of which others make the calls, or could not be made."""
        if self._spans is not None:
            self._spans.decided(decided, self._wall_clock())
        if self._instruments is not None:
            self._instruments.count_decision(decided)

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """An answer was judged.

        Args:
            request_id: of the request that it answered.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
        """
        if self._instruments is not None:
            self._instruments.judged(quality)

    def alert(self, alert: Alert) -> None:
        """A share of a budget is spent."""
        if self._instruments is not None:
            self._instruments.alerted(alert)
