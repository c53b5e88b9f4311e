"""The gateway over gRPC: statuses, keys, deadlines, TLS, health, reflection, and its protocol."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc
import pytest
from entries_world import router_stub
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from serve_world import MODELS, asking, decisions, listed, prompt, running, saved

from routelab.core.catalogue import pointed_at
from routelab.errors import ConfigError, MissingExtraError, RoutelabError
from routelab.policies import Fixed
from routelab.replay_server import background
from routelab.runtime import OpenReply
from routelab.runtime.transport import HttpUpstream
from routelab.serve import (
    CallerRules,
    GatewayLimits,
    GatewayServer,
    GrpcRules,
    LimitRule,
    RefusedError,
    ServeConfig,
    Service,
    new_key,
)
from routelab.serve.grpc import SERVICE, RouterStub
from routelab.serve.grpc import router_pb2 as pb
from routelab.serve.grpc.grpc_refusal import details, status_code
from routelab.serve.grpc.router_entry import peer_address

GRPC = GrpcRules(port=0)


def request(text="a", **fields):
    return pb.RouteRequest(**asking(text, **fields))


def failure(method, *given, **named):
    """Status, message and metadata of a call that fails."""
    error = outcome(method, *given, **{"timeout": 60.0, **named})
    return error.code(), error.details(), dict(error.trailing_metadata())


def outcome(method, *given, **named):
    """The error of a call that fails, whole or in pieces."""
    try:
        reply = method(*given, **named)
        list(reply if hasattr(reply, "__iter__") else ())
    except grpc.RpcError as error:
        return error
    raise AssertionError(reply)


def made(world, rules):
    """Make a server that is not started."""

    async def make():
        policies, config = [world.policies["small"]], ServeConfig(grpc=rules)
        async with Service(policies, world.catalogue, config) as service:
            GatewayServer(service)

    asyncio.run(make())


@contextmanager
def closed_after(upstream, gateway):
    """Close an upstream that is nobody else's to close."""
    yield
    asyncio.run_coroutine_threadsafe(upstream.aclose(), gateway.loop).result(30.0)


def test_the_description_and_the_types_are_those_of_the_protocol(tmp_path):
    """`make protos` would change nothing."""
    tools = pytest.importorskip("grpc_tools.protoc")
    home = pb.__file__.rpartition("/routelab/")[0]
    made = ["protoc", f"-I{home}", f"--descriptor_set_out={tmp_path}/router.binpb",
            f"--pyi_out={tmp_path}", "routelab/serve/grpc/router.proto"]  # fmt: skip
    assert tools.main(made) == 0
    (fresh,) = descriptor_pb2.FileDescriptorSet.FromString(
        (tmp_path / "router.binpb").read_bytes()
    ).file
    kept = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(kept)
    assert kept == fresh
    types = "routelab/serve/grpc/router_pb2.pyi"
    assert Path(home, types).read_text(encoding="utf-8") == (tmp_path / types).read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"messages": [{"role": "boss", "content": "a"}], "n": {}}, "INVALID_ARGUMENT"),
        ({"messages": "a", "model": "routelab/larg"}, "NOT_FOUND"),
        ({"messages": "a", "model": "routelab/large", "needs": ["teleport"]}, "INVALID_ARGUMENT"),
        ({"messages": "not in the log", "model": "routelab/large"}, "UNAVAILABLE"),
    ],
)
def test_a_failure_has_the_words_that_it_has_over_http(gateway, body, status):
    error = gateway.chat(body, x_request_id="it").json()["error"]
    named = (("x-request-id", "it"),)
    with router_stub(gateway) as stub:
        for method in (stub.Route, stub.Stream):
            code, said, metadata = failure(
                method, pb.RouteRequest(body=json.dumps(body)), metadata=named
            )
            assert code.name == status
            assert said == error["message"]
            assert metadata["x-routelab-code"] == error["code"]
            assert metadata.get("x-routelab-param") == error["param"]


def test_fields_that_contradict_each_other_or_are_no_json_are_named(gateway):
    with router_stub(gateway) as stub:
        for asked, field, word in (
            (pb.RouteRequest(body="{}", model="a", task="b"), "body", "leave model, task out"),
            (pb.RouteRequest(body="{"), "body", "no JSON"),
            (request(parameters='{"model": "b"}', model="a"), "parameters", "model"),
            (request(parameters="[]"), "parameters", "must be an object"),
            (request(parameters="[" * 200 + "]" * 200), "parameters", "flatten"),
            (pb.RouteRequest(messages=[{"json": "{}", "role": "user"}]), "messages", "leave them"),
            (pb.RouteRequest(messages=[{"json": "5"}]), "messages", "object"),
        ):
            code, said, metadata = failure(stub.Route, asked)
            assert code == grpc.StatusCode.INVALID_ARGUMENT
            assert word in said
            assert metadata["x-routelab-param"].startswith(field)
        half = pb.DecideRequest(request=request(model="routelab/large"), token="x")
        code, said, _ = failure(stub.Decide, half)
        assert (code, "belong together" in said) == (grpc.StatusCode.INVALID_ARGUMENT, True)
        code, said, _ = failure(stub.Feedback, pb.FeedbackRequest(decision="x"))
        assert (code, "quality" in said) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_messages_may_be_whole_and_parameters_reach_the_model(world):
    seen = []

    class Seen(HttpUpstream):
        async def send(self, outgoing):
            seen.append(dict(outgoing.body))
            return await super().send(outgoing)

    text = prompt(world.log, 0)
    config, upstream = ServeConfig(grpc=GRPC), Seen()
    with (
        running([world.policies["small"]], world.catalogue, config, upstream=upstream) as gateway,
        router_stub(gateway) as stub,
        closed_after(upstream, gateway),
    ):
        whole = {"role": "user", "content": text, "name": "ann"}
        asked = pb.RouteRequest(
            messages=[{"json": json.dumps(whole)}], parameters='{"temperature": 0.25, "seed": 7}'
        )
        reply = stub.Route(asked, timeout=60.0)
    assert reply.model == "small-8b"
    assert reply.usage.completion_tokens > 0
    assert list(seen[0]["messages"]) == [whole]
    assert (seen[0]["temperature"], seen[0]["seed"]) == (0.25, 7)


def test_the_key_is_in_the_metadata_and_limits_are_those_of_http(world, tmp_path):
    key, table = new_key("ann", "north")
    (tmp_path / "keys.toml").write_text(table, encoding="utf-8")
    config = ServeConfig(
        callers=CallerRules(keys=str(tmp_path / "keys.toml")),
        limits=GatewayLimits(key=LimitRule(requests_per_minute=1.0, burst=2)),
        grpc=GRPC,
        log=str(tmp_path / "log"),
    )
    bearer = (("authorization", f"Bearer {key}"),)
    asked = request(prompt(world.log, 0))
    with (
        running([world.policies["small"]], world.catalogue, config) as gateway,
        router_stub(gateway) as stub,
    ):
        for given, code in ((), "no_api_key"), ((("api-key", "rl-x"),), "invalid_api_key"):
            found, _, metadata = failure(stub.Route, asked, metadata=given)
            assert (found, metadata["x-routelab-code"]) == (grpc.StatusCode.UNAUTHENTICATED, code)
        reply = stub.Route(asked, timeout=60.0, metadata=bearer)
        judged = stub.Feedback(
            pb.FeedbackRequest(decision=reply.decision, quality=0.5), metadata=bearer
        )
        assert judged == pb.FeedbackReply(decision=reply.decision, quality=0.5, joined=True)
        code, _, metadata = failure(
            stub.Feedback, pb.FeedbackRequest(decision="another", quality=0.5), metadata=bearer
        )
        assert (code, metadata["x-routelab-code"]) == (
            grpc.StatusCode.NOT_FOUND, "decision_not_found",
        )  # fmt: skip
        headers = {"authorization": f"Bearer {key}"}
        assert gateway.chat(asking(prompt(world.log, 0)), **headers).status_code == 200
        code, said, metadata = failure(stub.Stream, asked, metadata=bearer)
        assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "may ask 1 requests a minute" in said
        assert 0 < int(metadata["retry-after"]) <= 60
    lines = decisions(tmp_path / "log")
    assert [it.get("tenant") for it in lines if it.get("status") == "answered"] == ["north"] * 2


class Slow(HttpUpstream):
    """Never answers, and knows how many wait."""

    def __init__(self):
        super().__init__()
        self.waiting = 0
        self.asked = threading.Event()

    async def send(self, outgoing):
        await self._wait()

    @asynccontextmanager
    async def stream(self, outgoing):
        await self._wait()
        yield

    async def _wait(self):
        self.waiting += 1
        self.asked.set()
        try:
            await asyncio.sleep(3600.0)
        finally:
            self.waiting -= 1


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("method", ["Route", "Stream"])
def test_a_deadline_and_a_cancelled_call_end_what_is_under_way(world, method):
    upstream = Slow()
    config = ServeConfig(grpc=GRPC)
    with (
        running([world.policies["small"]], world.catalogue, config, upstream=upstream) as gateway,
        router_stub(gateway) as stub,
        closed_after(upstream, gateway),
    ):
        call = getattr(stub, method)
        assert outcome(call, request(), timeout=0.5).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        until(lambda: not upstream.waiting and not gateway.service.gateway.under_way)
        upstream.asked.clear()
        future = call(request(), timeout=60.0) if method == "Stream" else call.future(request())
        assert upstream.asked.wait(30.0)
        future.cancel()
        until(lambda: not upstream.waiting and not gateway.service.gateway.under_way)
        metrics = gateway.client.get("/metrics").text
    assert 'entry="grpc",policy="small",status="cancelled"' in metrics


class Flooding(HttpUpstream):
    """Streams more than anything on the way holds."""

    @asynccontextmanager
    async def stream(self, outgoing):
        delta = {"index": 0, "delta": {"content": "x" * 50_000}}
        event = b"data: " + json.dumps({"choices": [delta]}).encode() + b"\n\n"

        async def chunks():
            for _ in range(600):
                yield event
                await asyncio.sleep(0)

        yield OpenReply(200, chunks(), {"content-type": "text/event-stream"})


@pytest.mark.parametrize(
    ("send_s", "leaves"), [(60.0, True), (0.2, False)], ids=["who leaves", "who reads nothing"]
)
def test_a_caller_while_much_waits_to_be_sent_is_no_failure_of_the_server(world, send_s, leaves):
    config = ServeConfig(grpc=GrpcRules(port=0, send_s=send_s))
    upstream = Flooding()
    with running([world.policies["small"]], world.catalogue, config, upstream=upstream) as gateway:
        under_way = gateway.service.gateway.under_way
        with router_stub(gateway) as stub:
            call = stub.Stream(request(), timeout=60.0)
            next(call)
            if leaves:
                time.sleep(0.3)  # until it waits for the caller
                call.cancel()
            until(lambda: not under_way)
        metrics = gateway.client.get("/metrics").text
        assert not [it for it in gateway.events if it["event"] == "broken"]
    assert 'entry="grpc",policy="small",status="cancelled"' in metrics


def test_the_deadline_is_the_routers_too(world):
    """It is told of the time that is left, and does not begin what cannot end in it."""
    seen, config = [], ServeConfig(grpc=GRPC)
    with (
        running([world.policies["small"]], world.catalogue, config) as gateway,
        router_stub(gateway) as stub,
    ):
        admit = gateway.service.gateway.admit
        gateway.service.gateway.admit = lambda *it: seen.append(it[1]) or admit(*it)
        asked = request(prompt(world.log, 0))
        stub.Route(asked, timeout=50.0)
        stub.Route(asked)
        stub.Route(
            pb.RouteRequest(body=json.dumps(asking(prompt(world.log, 0), deadline_s=5))),
            timeout=50.0,
        )
    assert 20.0 < seen[0]["deadline_s"] <= 50.0
    assert "deadline_s" not in seen[1]
    assert seen[2]["deadline_s"] == 5


def test_probes_and_tools_need_no_key(world, tmp_path):
    _, table = new_key("ann", "north")
    (tmp_path / "keys.toml").write_text(table, encoding="utf-8")
    rules = CallerRules(keys=str(tmp_path / "keys.toml"))
    config = ServeConfig(callers=rules, grpc=GRPC)
    with (
        running([world.policies["small"]], world.catalogue, config) as gateway,
        grpc.insecure_channel(f"127.0.0.1:{gateway.grpc_port}") as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            status = health.Check(health_pb2.HealthCheckRequest(service=name)).status
            assert status == health_pb2.HealthCheckResponse.SERVING
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        (found,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([asked])
        )
        names = {it.name for it in found.list_services_response.service}
        assert {SERVICE, "grpc.health.v1.Health"} <= names
        code, said, _ = failure(RouterStub(channel).Route, request())
        assert (code, "there is no key" in said) == (grpc.StatusCode.UNAUTHENTICATED, True)


def test_it_sees_calls_through_and_says_that_it_stops(sample_log, tmp_path):
    with background(sample_log, latency_scale=0.3) as url:
        known = pointed_at(url, MODELS, sample_log.catalogue)
        policy = saved(tmp_path / "large.policy", Fixed("frontier"), known)
        catalogue = listed(tmp_path / "models.toml", known)
        with (
            running([policy], catalogue, ServeConfig(grpc=GRPC)) as gateway,
            router_stub(gateway) as stub,
        ):
            asked = stub.Route.future(request(prompt(sample_log, 0)), timeout=60.0)
            until(lambda: len(gateway.service.gateway.under_way) == 1)
            gateway.stop()
            assert asked.result().model == "frontier"
            code, _, _ = failure(stub.Route, request())
            assert code == grpc.StatusCode.UNAVAILABLE


def test_messages_are_bounded(world):
    config = ServeConfig(limits=GatewayLimits(body_bytes=20_000), grpc=GRPC)
    with (
        running([world.policies["small"]], world.catalogue, config) as gateway,
        router_stub(gateway) as stub,
    ):
        code, said, _ = failure(stub.Route, request("a" * 30_000))
        assert (code, "larger than" in said.lower()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        assert stub.Route(request(prompt(world.log, 0)), timeout=60.0).text


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_it_speaks_tls(world, tmp_path):
    certificate, private_key = tmp_path / "server.pem", tmp_path / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", private_key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    rules = GrpcRules(port=0, certificate=str(certificate), private_key=str(private_key))
    asked = request(prompt(world.log, 0))
    with running([world.policies["small"]], world.catalogue, ServeConfig(grpc=rules)) as gateway:
        trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
        options = (("grpc.ssl_target_name_override", "localhost"),)
        address = f"127.0.0.1:{gateway.grpc_port}"
        with grpc.secure_channel(address, trusted, options) as channel:
            assert RouterStub(channel).Route(asked, timeout=60.0).model == "small-8b"
        with grpc.insecure_channel(address) as channel:
            code, _, _ = failure(RouterStub(channel).Route, asked)
            assert code == grpc.StatusCode.UNAVAILABLE
    for broken, why in (
        (GrpcRules(port=0, certificate=str(tmp_path / "no"), private_key="no"), "cannot be read"),
        (GrpcRules(port=0, certificate=str(private_key), private_key=str(private_key)), "do not"),
    ):
        with pytest.raises(RoutelabError, match=why):
            made(world, broken)


def test_a_port_that_is_taken_is_said(gateway, world):
    with pytest.raises(RoutelabError, match="port is taken"):
        made(world, GrpcRules(port=gateway.grpc_port))


def test_settings_that_cannot_be_are_all_named():
    with pytest.raises(ConfigError) as refused:
        ServeConfig(
            grpc=GrpcRules(port=-1, private_key="a", client_authority="b", at_once=0, send_s=0.0)
        )
    said = str(refused.value)
    for word in ("port is -1", "private_key belong", "client_authority needs", "at_once is 0",
                 "send_s is 0"):  # fmt: skip
        assert word in said


def test_without_grpcio_it_says_what_to_install(world, monkeypatch):
    for name in [*sys.modules]:
        if name.partition(".")[0] == "grpc" or name.startswith("routelab.serve.grpc"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(MissingExtraError, match=r"gRPC needs grpc: .*grpc"):
        made(world, GRPC)


def test_long_messages_are_cut_to_what_metadata_has_room_for():
    refusal = RefusedError(400, "é" * 5_000, "invalid_value")
    assert details(refusal).startswith("ééé")
    assert details(refusal).endswith("…")
    assert len(details(refusal)) < 1_000
    assert status_code(RefusedError(418, "a", "b")) == grpc.StatusCode.INTERNAL
    assert status_code(RefusedError(409, "a", "policy_changed")) == grpc.StatusCode.ABORTED


def test_a_peer_is_an_address():
    assert peer_address("ipv4:10.0.0.1:4711") == "10.0.0.1"
    assert peer_address("ipv6:%5Bfe80::1%25eth0%5D:4711") == "fe80::1"
    assert peer_address("ipv6:[::1]:4711") == "::1"
    assert peer_address("unix:/tmp/a") is None
