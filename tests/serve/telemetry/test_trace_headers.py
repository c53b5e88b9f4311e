"""What providers hear of a trace where nobody here makes spans: what the caller said, unchanged."""

from __future__ import annotations

import msgspec
import pytest
from serve_world import CASCADE, MODELS, asking, listed, running, saved
from traced_upstream_world import PARENT, STATE, keeping

from routelab.core.catalogue import pointed_at
from routelab.serve import ServeConfig, TelemetryRules


@pytest.fixture(scope="module")
def endpoint():
    with keeping() as made:
        yield made


def serving(endpoint, folder, config=None, **of_small):
    """A gateway before the endpoint; the small model's deployment may be otherwise."""
    known = pointed_at(endpoint.url, MODELS)
    if of_small:
        small = known.models["small-8b"]
        (one,) = small.deployments
        one = msgspec.structs.replace(one, **of_small)
        small = msgspec.structs.replace(small, deployments=(one,))
        known = msgspec.structs.replace(known, models={**known.models, "small-8b": small})
    policy = saved(folder / "cascade.policy", CASCADE, known)
    return running([policy], listed(folder / "models.toml", known), config)


def heard(endpoint):
    """By model, the headers of traces that it was sent; bodies never hold any."""
    found = {}
    for headers, body in endpoint.taken():
        assert not {"traceparent", "tracestate", "trace"} & body.keys()
        trace = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        found[body["model"]] = trace
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_a_callers_trace_is_passed_on_as_it_came(endpoint, tmp_path, stream):
    with serving(endpoint, tmp_path) as gateway:
        body = asking("What is 2 + 2?", stream=stream)
        reply = gateway.chat(body, traceparent=PARENT, tracestate=STATE)
        assert reply.status_code == 200
        assert reply.text
        sent = {"traceparent": PARENT, "tracestate": STATE}
        assert heard(endpoint) == {"small-8b": sent, "medium-70b": sent}
        gateway.chat(asking("a"), traceparent=PARENT)
        assert heard(endpoint)["small-8b"] == {"traceparent": PARENT}
        gateway.chat(asking("a"))
        assert heard(endpoint) == {"small-8b": {}, "medium-70b": {}}


def test_what_is_no_trace_goes_nowhere(endpoint, tmp_path):
    with serving(endpoint, tmp_path) as gateway:
        for parent in ("", "yes", PARENT.upper(), PARENT + "-more", "00-" + "0" * 32 + PARENT[35:]):
            reply = gateway.chat(asking("a"), traceparent=parent, tracestate=STATE)
            assert reply.status_code == 200
            assert heard(endpoint)["small-8b"] == {}
        twice = [("traceparent", PARENT), ("traceparent", PARENT)]
        gateway.client.post("/v1/chat/completions", json=asking("a"), headers=twice)
        assert heard(endpoint)["small-8b"] == {}
        states = [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2 ,a=3")]
        gateway.client.post("/v1/chat/completions", json=asking("a"), headers=states)
        assert heard(endpoint)["small-8b"] == {"traceparent": PARENT, "tracestate": "a=1,b=2"}


def test_it_can_be_switched_off_for_all_and_for_one_deployment(endpoint, tmp_path):
    quiet = ServeConfig(telemetry=TelemetryRules(trace_headers=False))
    with serving(endpoint, tmp_path / "all", quiet) as gateway:
        gateway.chat(asking("a"), traceparent=PARENT)
        assert heard(endpoint) == {"small-8b": {}, "medium-70b": {}}
    with serving(endpoint, tmp_path / "one", trace_headers=False) as gateway:
        gateway.chat(asking("a"), traceparent=PARENT)
        assert heard(endpoint) == {"small-8b": {}, "medium-70b": {"traceparent": PARENT}}
