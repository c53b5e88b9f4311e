"""OpenTelemetry: spans and metrics as its own SDK receives them, and a collector over HTTP."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from serve_world import MODELS, asking, decisions, listed, prompt, running, saved

from routelab.core.catalogue import pointed_at
from routelab.errors import ConfigError
from routelab.policies import Cascade, Fixed
from routelab.runtime import AsyncRouter, Reply, RouterConfig, TraceContext
from routelab.serve import ServeConfig, TelemetryRules
from routelab.serve.telemetry import Conventions, TelemetryObserver, chosen_conventions

pytest.importorskip("opentelemetry.sdk", reason="the otel extra is not installed")

from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PRESENT = {
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens",
}
FORMER = {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}


class Endpoint:
    """The small model is unsure, and fails once; the large one is sure."""

    def __init__(self):
        self.failed = False

    async def send(self, outgoing):
        if outgoing.deployment.model == "small-8b" and not self.failed:
            self.failed = True
            return Reply(503, {"error": {"message": "a secret of ours"}})
        sure = 0.2 if outgoing.deployment.model == "small-8b" else 0.9
        return Reply(
            200,
            {
                "choices": [
                    {"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "a secret answer"}}
                ],
                "usage": {"prompt_tokens": 12, "completion_tokens": 3, "cost": 0.25},
                "routelab": {"signals": {"confidence": sure}},
            },
        )  # fmt: skip

    def hide(self, deployment, text):
        return text


class Seen:
    """What the SDK was given."""

    def __init__(self, conventions=None):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.observer = TelemetryObserver(
            self.tracers, self.meters, conventions, lambda digest: f"named {digest[:4]}"
        )

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    @property
    def metrics(self):
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


async def routed(seen, folder, requests=1, parent=None):
    known = pointed_at("http://llm.example:8000/v1", MODELS)
    cascade = Cascade(("small-8b", "frontier"), (0.5,), "confidence")
    policy = saved(folder / "one.policy", cascade, known)
    config = RouterConfig(upstream=Endpoint(), observers=[seen.observer], quiet=True)
    async with AsyncRouter.load(policy, known, config) as router:
        for i in range(requests):
            with parent or trace.use_span(trace.INVALID_SPAN):
                asked = await router.route("a secret prompt", id=str(i), tenant="north", task="t")
        router.feedback("0", 0.75)
    return asked


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_a_request_is_a_span_with_one_below_for_each_attempt(tmp_path):
    seen = Seen()
    await routed(seen, tmp_path)
    *attempts, route = seen.spans
    assert route.name == "route"
    assert route.parent is None
    told = dict(route.attributes)
    assert told.pop("routelab.policy").startswith("named ")
    assert told.pop("routelab.policy.digest")
    assert told == {
        "routelab.request.id": "0", "routelab.status": "answered", "routelab.calls": 2,
        "routelab.degraded": False, "routelab.tenant": "north", "routelab.task": "t",
        "routelab.cost_usd": 0.5, "gen_ai.response.model": "frontier",
    }  # fmt: skip
    assert [it.name for it in attempts] == ["chat small-8b", "chat small-8b", "chat frontier"]
    assert {it.kind for it in attempts} == {trace.SpanKind.CLIENT}
    failed, small, large = attempts
    assert failed.status.status_code == trace.StatusCode.ERROR
    assert failed.attributes["error.type"]
    assert failed.attributes["http.response.status_code"] == 503
    assert small.attributes["routelab.signal.confidence"] == 0.2
    assert small.attributes["routelab.threshold"] == 0.5
    assert dict(large.attributes) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "replay",
        "gen_ai.request.model": "frontier", "gen_ai.request.stream": False,
        "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3,
        "server.address": "llm.example", "server.port": 8000,
        "http.response.status_code": 200,
        "routelab.model": "frontier", "routelab.turn": 1, "routelab.sample": 0,
        "routelab.cost_usd": 0.25, "routelab.queued_s": large.attributes["routelab.queued_s"],
        "routelab.propensity": 1.0, "routelab.rejected": False,
    }  # fmt: skip
    for one in attempts:
        assert one.parent.span_id == route.context.span_id
        assert route.start_time - 1_000_000 <= one.start_time <= one.end_time
        assert one.end_time <= route.end_time + 1_000_000
    for before, after in itertools.pairwise(attempts):
        assert before.end_time <= after.start_time  # when they truly were
    assert "secret" not in "".join(it.to_json() for it in seen.spans)


@pytest.mark.anyio
async def test_a_span_that_is_current_is_the_parent(tmp_path):
    seen = Seen()
    tracer = seen.tracers.get_tracer("caller")
    await routed(seen, tmp_path, parent=tracer.start_as_current_span("caller"))
    route = next(it for it in seen.spans if it.name == "route")
    caller = next(it for it in seen.spans if it.name == "caller")
    assert route.parent.span_id == caller.context.span_id
    assert {it.context.trace_id for it in seen.spans} == {caller.context.trace_id}


@pytest.mark.anyio
@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("former", [True, False])
async def test_metrics_have_the_names_that_are_chosen(tmp_path, present, former):
    if not (present or former):
        return
    seen = Seen(Conventions(present, former))
    await routed(seen, tmp_path, requests=3)
    metrics = seen.metrics
    conventional = {name for name in metrics if name.startswith("gen_ai.")}
    assert conventional == (PRESENT if present else set()) | (FORMER if former else set())
    if present:
        points = metrics["gen_ai.client.inference.usage.input_tokens"]
        assert {it.attributes["gen_ai.request.model"]: it.value for it in points} == {
            "small-8b": 36, "frontier": 36,
        }  # fmt: skip
        durations = metrics["gen_ai.client.inference.duration"]
        assert sum(it.count for it in durations) == 7
        assert sum(it.count for it in durations if "error.type" in it.attributes) == 1
        assert durations[0].explicit_bounds[:2] == (0.01, 0.02)
    if former:
        points = metrics["gen_ai.client.token.usage"]
        kinds = {(it.attributes["gen_ai.token.type"], it.sum) for it in points}
        assert kinds == {("input", 36), ("output", 9)}
    attributes = dict(metrics["routelab.request.cost"][0].attributes)
    assert attributes.pop("routelab.policy").startswith("named ")
    assert attributes == {"routelab.tenant": "north", "routelab.status": "answered"}
    assert metrics["routelab.request.cost"][0].value == pytest.approx(1.5)
    assert metrics["routelab.answer.quality"][0].sum == 0.75
    routes = [it for it in seen.spans if it.name == "route"]
    provider = next(it for it in seen.spans if it.name.startswith("chat")).attributes
    assert ("gen_ai.provider.name" in provider, "gen_ai.system" in provider) == (present, former)
    assert [it.attributes["routelab.calls"] for it in routes] == [2, 2, 2]


@pytest.mark.parametrize(
    ("given", "names", "expected"),
    [
        ("", "present", (True, False)),
        ("", "former", (False, True)),
        ("http/dup", "both", (True, True)),
        ("http, gen_ai_latest_experimental", "former", (True, False)),
        ("gen_ai/dup", "present", (True, True)),
        ("database,gen_ai/former", "present", (False, True)),
    ],
)
def test_the_environment_goes_before_the_settings(given, names, expected):
    environment = {"OTEL_SEMCONV_STABILITY_OPT_IN": given}
    assert chosen_conventions(names, environment) == expected


class Collector(ThreadingHTTPServer):
    """Keeps what is sent to it."""

    def __init__(self):
        self.spans, self.metrics, self.resources = [], set(), []
        super().__init__(("127.0.0.1", 0), Kept)


class Kept(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self):
        content = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            for one in ExportTraceServiceRequest.FromString(content).resource_spans:
                self.server.resources.append(one.resource)
                self.server.spans += [span for it in one.scope_spans for span in it.spans]
        else:
            for one in ExportMetricsServiceRequest.FromString(content).resource_metrics:
                self.server.metrics |= {it.name for s in one.scope_metrics for it in s.metrics}
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_gateway_sends_to_a_collector_and_goes_on_with_its_callers_trace(
    world, collector, tmp_path
):
    config = ServeConfig(
        log=str(tmp_path / "log"),
        telemetry=TelemetryRules(
            exporter="otlp", endpoint=f"http://127.0.0.1:{collector.server_port}", names="both"
        ),
    )
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with running([world.policies["cascade"]], world.catalogue, config) as gateway:
        for row, stream in ((0, False), (1, True)):
            body = asking(prompt(world.log, row), stream=stream)
            parent = f"00-{trace_id}-{span_id}-01"
            reply = gateway.chat(body, traceparent=parent, x_request_id=str(row))
            assert reply.status_code == 200
            assert reply.text
        gateway.chat(asking(prompt(world.log, 2)), x_request_id="2")
    logged = {it["request_id"]: it for it in decisions(tmp_path / "log")}
    routes = [it for it in collector.spans if it.name == "route"]
    assert len(routes) == 3
    found = {
        {a.key: a.value for a in it.attributes}["routelab.request.id"].string_value: it
        for it in routes
    }
    for row in ("0", "1"):
        assert found[row].trace_id.hex() == trace_id
        assert found[row].parent_span_id.hex() == span_id
        below = [it for it in collector.spans if it.parent_span_id == found[row].span_id]
        attempts = [one for step in logged[row]["steps"] for one in step["attempts"]]
        assert len(below) == len(attempts) >= 1
    assert found["2"].trace_id.hex() != trace_id
    policies = {
        a.value.string_value for it in routes for a in it.attributes if a.key == "routelab.policy"
    }
    assert policies == {"cascade"}
    about = {a.key: a.value.string_value for a in collector.resources[0].attributes}
    assert about["service.name"] == "routelab"
    assert collector.metrics >= PRESENT | FORMER | {"routelab.request.duration"}


def test_a_collector_that_is_gone_keeps_nobody_from_an_answer(world):
    config = ServeConfig(
        telemetry=TelemetryRules(exporter="otlp", endpoint="http://127.0.0.1:9", metrics=False)
    )
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        assert gateway.chat(asking(prompt(world.log, 0))).status_code == 200


def test_settings_that_cannot_be_are_all_named():
    with pytest.raises(ConfigError) as told:
        ServeConfig(telemetry=TelemetryRules(endpoint="collector:4318", interval_s=0.0))
    assert "endpoint is of exporter" in str(told.value)
    assert "give a URL" in str(told.value)
    assert "interval_s is 0.0" in str(told.value)


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
from routelab.errors import RoutelabError
from routelab.serve import ServeConfig, Service, TelemetryRules
policy, models = sys.argv[1:]
Service([policy], models)
try:
    Service([policy], models, ServeConfig(telemetry=TelemetryRules(exporter="otlp")))
except RoutelabError as error:
    print(error)
"""
UNUSED = """
import sys
from routelab.serve import GatewayApp, Service
policy, models = sys.argv[1:]
GatewayApp(Service([policy], models))
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [(WITHOUT, "telemetry: exporter is 'otlp', which needs opentelemetry: pip install"),
     (UNUSED, "[]")],
)  # fmt: skip
def test_without_the_extra_or_without_its_use_nothing_is_imported(tmp_path, program, said):
    known = pointed_at("http://127.0.0.1:9/v1", ["a"])
    policy = saved(tmp_path / "one.policy", Fixed("a"), known)
    words = [sys.executable, "-c", program, policy, listed(tmp_path / "models.toml", known)]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=120, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert "[otel]" in done.stdout or program == UNUSED


def test_each_of_several_observers_has_spans_below_the_callers(tmp_path):
    first, second = Seen(), Seen()
    known = pointed_at("http://llm.example:8000/v1", MODELS)
    policy = saved(tmp_path / "one.policy", Fixed("frontier"), known)
    observers = [first.observer, second.observer]
    config = RouterConfig(upstream=Endpoint(), observers=observers, quiet=True)
    parent = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    async def work():
        async with AsyncRouter.load(policy, known, config) as router:
            await router.route("a secret prompt", trace_context=parent)

    asyncio.run(work())
    for seen in (first, second):
        (route,) = (it for it in seen.spans if it.name == "route")
        assert f"{route.parent.span_id:016x}" == "b7ad6b7169203331"
        assert len(seen.spans) == 2
