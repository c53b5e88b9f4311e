"""Telemetry as it is configured: to a collector over OTLP/HTTP, or to what the process has set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from routelab.core import Request
from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError
from routelab.runtime import FinishedRequest, RequestTracer, TraceContext
from routelab.runtime.budgets import Alert
from routelab.serve.config import TelemetryRules
from routelab.serve.telemetry.conventions import chosen_conventions
from routelab.serve.telemetry.decided_request import DecidedRequest
from routelab.version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_TIMEOUT_S = 5.0
"""In which a collector has to take what it is sent."""


class Telemetry:
    """Observes routers where telemetry is configured, and does nothing where it is not.

    Args:
        rules: how it is configured.
        policy_name: of a policy's SHA-256.
    Raises:
        MissingExtraError: it is configured, and the extra is not installed.
    """

    def __init__(self, rules: TelemetryRules, policy_name: Callable[[str], str] = str) -> None:
        self._shutdowns: list[Callable[[], object]] = []
        self._observer = None
        if not rules.exporter:
            return
        try:
            from opentelemetry import context, metrics, propagate, trace

            from routelab.serve.telemetry.observer import TelemetryObserver

            tracers, meters = trace.get_tracer_provider(), metrics.get_meter_provider()
            if rules.exporter == "otlp":
                tracers, meters = self._providers(rules)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("opentelemetry"):
                raise
            raise MissingExtraError(
                f"telemetry: exporter is {rules.exporter!r}, which needs {error.name}:"
                f" {how_to_install('otel')}"
            ) from error
        self._context, self._propagate = context, propagate
        self._observer = TelemetryObserver(
            tracers if rules.traces else None,
            meters if rules.metrics else None,
            chosen_conventions(rules.names, os.environ),
            policy_name,
        )

    def begun(self, request: Request, context: TraceContext | None) -> RequestTracer | None:
        """A request is under way.

        Args:
            request: as its policy sees it.
            context: of the trace that its caller is in.
        Returns:
            What its attempts are sent with; None where no spans are made.
        """
        return None if self._observer is None else self._observer.begun(request, context)

    def decided(self, decided: DecidedRequest) -> None:
        """A decision was made of which others make the calls, or could not be made."""
        if self._observer is not None:
            self._observer.decided(decided)

    def finished(self, finished: FinishedRequest) -> None:
        """A request is over."""
        if self._observer is not None:
            self._observer.finished(finished)

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """An answer was judged.

        Args:
            request_id: of the request that it answered.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
        """
        if self._observer is not None:
            self._observer.feedback(request_id, quality, model)

    def alert(self, alert: Alert) -> None:
        """A share of a budget is spent."""
        if self._observer is not None:
            self._observer.alert(alert)

    @contextmanager
    def within(self, headers: Mapping[str, str]) -> Iterator[None]:
        """What is done in the block belongs to the trace that a request's headers name.

        Args:
            headers: names in lower case; `traceparent` and `tracestate` are read.
        """
        if self._observer is None or "traceparent" not in headers:
            yield
            return
        token = self._context.attach(self._propagate.extract(headers))
        try:
            yield
        finally:
            self._context.detach(token)

    def close(self) -> None:
        """Send what still waits; takes as long as a collector that does not answer is given."""
        for shutdown in self._shutdowns:
            shutdown()

    def _providers(self, rules: TelemetryRules) -> tuple[TracerProvider, MeterProvider]:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk import metrics, trace
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        about = {"service.version": __version__}
        if not os.environ.get("OTEL_SERVICE_NAME"):
            about["service.name"] = "routelab"
        resource = Resource.create(about)
        base = rules.endpoint.rstrip("/")
        to = {path: f"{base}/v1/{path}" if base else None for path in ("traces", "metrics")}
        tracers = trace.TracerProvider(resource=resource, shutdown_on_exit=False)
        if rules.traces:
            exporter = OTLPSpanExporter(to["traces"], timeout=_TIMEOUT_S)
            tracers.add_span_processor(BatchSpanProcessor(exporter))
            self._shutdowns.append(tracers.shutdown)
        readers = []
        if rules.metrics:
            readers = [
                PeriodicExportingMetricReader(
                    OTLPMetricExporter(to["metrics"], timeout=_TIMEOUT_S),
                    export_interval_millis=1000.0 * rules.interval_s,
                    export_timeout_millis=1000.0 * _TIMEOUT_S,
                )
            ]
        meters = metrics.MeterProvider(readers, resource=resource, shutdown_on_exit=False)
        self._shutdowns.append(lambda: meters.shutdown(1000.0 * _TIMEOUT_S))
        return tracers, meters
