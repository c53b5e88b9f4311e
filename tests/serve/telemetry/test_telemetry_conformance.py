"""Every entry: spans in the caller's trace, of which providers are told, and metrics."""

from __future__ import annotations

import time

import httpx
import pytest
from entries_world import ANSWERING, DECIDING, UNTRACED, within_trace
from queue_entries import close_queues
from serve_world import CASCADE, MODELS, asking, listed, running, saved
from traced_upstream_world import PARENT, SPAN_ID, STATE, TRACE_ID, keeping, told

from routelab.core.catalogue import pointed_at
from routelab.policies import Fixed
from routelab.serve import GrpcRules, ServeConfig, TelemetryRules

pytest.importorskip("opentelemetry.sdk", reason="the otel extra is not installed")

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Observed:
    """A gateway before an endpoint that keeps what it is sent, and what the SDK was given."""

    def __init__(self, gateway, endpoint, exporter, reader):
        self.gateway, self.endpoint = gateway, endpoint
        self.exporter, self.reader = exporter, reader

    def spans(self):
        found = self.exporter.get_finished_spans()
        self.exporter.clear()
        return found

    def counted(self, name):
        """Requests that a histogram has counted."""
        data = self.reader.get_metrics_data()
        return sum(
            point.count
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
            if metric.name == name
        )


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """The process' providers are those of the test, as a program around a gateway sets them."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(MeterProvider([reader]))
    folder = tmp_path_factory.mktemp("observed")
    config = ServeConfig(telemetry=TelemetryRules(exporter="global"), grpc=GrpcRules(port=0))
    with keeping() as endpoint:
        known = pointed_at(endpoint.url, MODELS)
        policies = [
            saved(folder / f"{name}.policy", policy, known)
            for name, policy in (("cascade", CASCADE), ("small", Fixed("small-8b")))
        ]
        with running(policies, listed(folder / "models.toml", known), config) as gateway:
            yield Observed(gateway, endpoint, exporter, reader)
            close_queues(gateway)


def parents(span):
    return span.context.trace_id, span.parent and span.parent.span_id


@pytest.mark.parametrize("entry", ANSWERING)
def test_a_request_is_in_its_callers_trace_and_providers_are_told_their_span(
    observed, entry, tmp_path
):
    observed.spans()
    observed.endpoint.taken()
    requests = observed.counted("routelab.request.duration")
    attempts = observed.counted("gen_ai.client.inference.duration")
    body = asking("What is 2 + 2?", model="routelab/cascade")
    with within_trace(traceparent=PARENT, tracestate=STATE):
        assert ANSWERING[entry](observed.gateway, body, f"{entry}-traced", tmp_path).code is None
    *calls, route = observed.spans()
    assert route.name == "route"
    assert route.attributes["routelab.request.id"] == f"{entry}-traced"
    assert route.attributes["routelab.policy"] == "cascade"
    if entry in UNTRACED:
        assert route.parent is None
    else:
        assert parents(route) == (int(TRACE_ID, 16), int(SPAN_ID, 16))
    asked = observed.endpoint.taken()
    assert [body["model"] for _, body in asked] == ["small-8b", "medium-70b"]
    assert [it.name for it in calls] == ["chat small-8b", "chat medium-70b"]
    for span, (headers, sent) in zip(calls, asked, strict=True):
        assert parents(span) == (route.context.trace_id, route.context.span_id)
        assert told(headers) == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
        assert headers.get("tracestate") == (None if entry in UNTRACED else STATE)
        assert not {"traceparent", "tracestate", "trace"} & sent.keys()
    assert observed.counted("routelab.request.duration") == requests + 1
    assert observed.counted("gen_ai.client.inference.duration") == attempts + 2


@pytest.mark.parametrize("entry", DECIDING)
def test_a_decision_is_a_span_in_its_callers_trace(observed, world, entry):
    observed.spans()
    counted = observed.counted("routelab.decision.duration")
    with within_trace(traceparent=PARENT, tracestate=STATE):
        assert DECIDING[entry](observed.gateway, world.log, 0, "small") == ("small-8b",)
    decided = [it for it in observed.spans() if it.name == "decide"]
    assert decided
    for span in decided:
        assert parents(span) == (int(TRACE_ID, 16), int(SPAN_ID, 16))
        assert span.attributes["routelab.request.id"] == str(world.log.requests.id[0])
        assert span.attributes["routelab.policy"] == "small"
        assert span.attributes["routelab.status"] == "answered"
        assert span.attributes["routelab.entry"]
    assert observed.counted("routelab.decision.duration") == counted + len(decided)
    assert not observed.endpoint.taken()  # nobody was asked


def test_a_request_without_an_answer_ends_the_span_of_every_attempt(observed):
    observed.spans()
    observed.endpoint.taken()
    reply = observed.gateway.chat(asking("fail", model="routelab/small"))
    assert reply.status_code == 503
    *calls, route = observed.spans()
    assert route.attributes["routelab.status"] == "failed"
    assert route.status.status_code == trace.StatusCode.ERROR
    sent = [told(headers)[1] for headers, _ in observed.endpoint.taken()]
    assert [f"{it.context.span_id:016x}" for it in calls] == sent  # each try has its own
    assert {it.attributes["http.response.status_code"] for it in calls} == {503}


def test_an_attempt_that_nobody_waits_for_any_more_ends_its_span(observed):
    observed.spans()
    observed.endpoint.taken()
    with pytest.raises(httpx.ReadTimeout):
        observed.gateway.client.post(
            "/v1/chat/completions", json=asking("wait", model="routelab/small"), timeout=0.3
        )
    while not (spans := observed.exporter.get_finished_spans()):
        time.sleep(0.01)
    *calls, route = spans
    assert route.attributes["routelab.status"] == "cancelled"
    ((headers, _),) = observed.endpoint.taken()
    (call,) = calls
    assert told(headers)[1] == f"{call.context.span_id:016x}"
    observed.endpoint.waits.set()
