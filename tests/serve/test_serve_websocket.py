"""Many requests on one connection: kept apart, cancelled, bounded, and seen through at the end."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serve_world import MODELS, asking, listed, prompt, running
from test_serve_callers import silent, wait_for
from test_serve_reload import Held
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from routelab.core.catalogue import pointed_at
from routelab.serve import CallerRules, GatewayLimits, ServeConfig, WebSocketRules, new_key


@contextmanager
def connected(gateway, path="/v1/websocket", **headers):
    url = str(gateway.client.base_url).replace("http", "ws", 1) + path
    with connect(url, proxy=None, additional_headers=headers) as connection:
        yield connection


def ask(connection, name, body, **more):
    connection.send(json.dumps({"type": "request", "id": name, "body": body, **more}))


def heard(connection):
    return json.loads(connection.recv(30.0))


def last_of_each(connection, names):
    """The frame that each request ended with."""
    ends = {}
    while len(ends) < len(names):
        frame = heard(connection)
        if frame["type"] in ("answer", "done", "error", "cancelled"):
            ends[frame["id"]] = frame
    return ends


def test_requests_on_one_connection_are_kept_apart(gateway, world):
    log, rows = world.log, range(12)
    with connected(gateway) as connection:
        for row in rows:
            body = asking(prompt(log, row), model="routelab/large", stream=bool(row % 2))
            ask(connection, f"r{row}", body, request_id=str(log.requests.id[row]))
        frames = [heard(connection)]
        while sum(it["type"] in ("answer", "done") for it in frames) < len(rows):
            frames.append(heard(connection))
    for row in rows:
        mine = [it for it in frames if it["id"] == f"r{row}"]
        assert mine[0]["decision"] == log.requests.id[row]
        if row % 2:
            pieces = [
                it["body"]["choices"][0]["delta"] for it in mine[1:-1] if it["body"]["choices"]
            ]
            said = "".join(it.get("content") or "" for it in pieces)
        else:
            said = mine[-1]["body"]["choices"][0]["message"]["content"]
        assert [said] == list(log.texts.responses(np.array([row]), "frontier"))


@pytest.fixture
def waiting(world, tmp_path):
    """A gateway whose endpoint never answers, with room for two requests a connection."""
    with silent() as (url, seen):
        catalogue = listed(tmp_path / "models.toml", pointed_at(url, MODELS))
        config = ServeConfig(websocket=WebSocketRules(at_once=2), drain_s=0.0)
        with running([world.policies["large"]], catalogue, config) as gateway:
            yield gateway, seen


def test_a_request_is_cancelled_by_its_id_and_the_others_go_on(waiting):
    gateway, seen = waiting
    with connected(gateway) as connection:
        for name in ("a", "b"):
            ask(connection, name, asking("hello"))
            assert heard(connection)["type"] == "started"
        wait_for(lambda: seen["asked"] == 2)
        ask(connection, "c", asking("hello"))
        refused = heard(connection)
        assert (refused["id"], refused["error"]["code"]) == ("c", "too_many_at_once")
        assert (refused["status"], refused["retry_after_s"]) == (429, 1.0)
        ask(connection, "a", asking("hello"))
        refused = heard(connection)
        assert (refused["id"], refused["error"]["code"]) == (None, "duplicate_id")
        connection.send('{"type": "cancel", "id": "never there"}')
        connection.send('{"type": "cancel", "id": "a"}')
        assert heard(connection) == {"type": "cancelled", "id": "a"}
        wait_for(lambda: seen["left"] == 1)
        assert len(gateway.service.gateway.under_way) == 1
    wait_for(lambda: seen["left"] == 2)  # who leaves ends the rest
    wait_for(lambda: not gateway.service.gateway.under_way)
    assert gateway.service.gateway.totals["requests", "websocket", "large", "cancelled"] == 2


def test_a_key_is_asked_for_at_the_door_and_at_every_request(world, tmp_path):
    key, table = new_key("ann", "north")
    keys = tmp_path / "keys.toml"
    keys.write_text(table, encoding="utf-8")
    config = ServeConfig(callers=CallerRules(keys=str(keys)), reload_s=0.0)
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        for headers in ({}, {"authorization": "Bearer rl-wrong"}):
            with pytest.raises(InvalidStatus) as raised, connected(gateway, **headers):
                pass
            assert raised.value.response.status_code == 401
            assert json.loads(raised.value.response.body)["error"]["type"] == "authentication_error"
        with (
            pytest.raises(InvalidStatus) as raised,
            connected(gateway, "/v1/websocket?api_key=rl-x"),
        ):
            pass
        assert json.loads(raised.value.response.body)["error"]["code"] == "key_in_address"
        with connected(gateway, authorization=f"Bearer {key}") as connection:
            ask(connection, "a", asking(prompt(world.log, 0)))
            assert last_of_each(connection, ["a"])["a"]["type"] == "answer"
            keys.write_text(new_key("bob")[1], encoding="utf-8")
            assert gateway.reload()
            ask(connection, "b", asking(prompt(world.log, 0)))
            assert heard(connection)["error"]["code"] == "invalid_api_key"


def test_connections_frames_and_depth_are_bounded(world):
    config = ServeConfig(
        limits=GatewayLimits(body_bytes=2_000, body_depth=5),
        websocket=WebSocketRules(connections=1),
    )
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        with connected(gateway) as connection:
            with pytest.raises(InvalidStatus) as raised, connected(gateway):
                pass
            assert raised.value.response.status_code == 503
            ask(connection, "deep", {"messages": [[[[[[]]]]]]})
            assert heard(connection)["error"]["code"] == "body_too_deep"
            ask(connection, "big", asking("x" * 3_000))
            with pytest.raises(ConnectionClosed) as closed:
                heard(connection)
            assert closed.value.rcvd.code == 1009
        with pytest.raises(InvalidStatus) as raised, connected(gateway, "/elsewhere"):
            pass
        assert "WebSockets are at /v1/websocket" in raised.value.response.body.decode()
        assert gateway.client.get("/v1/websocket").status_code == 426


def test_who_reads_nothing_is_hung_up_on(world):
    config = ServeConfig(websocket=WebSocketRules(send_s=0.2, ping_s=60.0))
    policies = [world.policies["small"]]
    with running(policies, world.catalogue, config, send_bytes=4096) as gateway:
        url = gateway.client.base_url
        with socket.create_connection((url.host, url.port)) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with connect(
                str(url).replace("http", "ws", 1) + "/v1/websocket",
                sock=slow,
                proxy=None,
                max_queue=1,
                compression=None,
            ) as connection:
                # each refusal quotes what was wrong, and none of them is read
                odd = json.dumps({"type": "request", "id": "a" * 250, "body": 1})
                with suppress(ConnectionClosed, OSError):
                    until = time.monotonic() + 60.0
                    while time.monotonic() < until:
                        connection.send(odd)
                    pytest.fail("it went on writing")
        wait_for(lambda: not gateway.service.gateway.under_way)
        assert gateway.client.get("/healthz").status_code == 200


def test_heartbeats_find_out_who_is_gone(world):
    config = ServeConfig(websocket=WebSocketRules(ping_s=0.1, connections=1))
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        url = gateway.client.base_url
        with socket.create_connection((url.host, url.port)) as mute:
            mute.sendall(
                b"GET /v1/websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n"
                b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
                b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            received = b""
            while part := mute.recv(4096):  # it hangs up on who answers no heartbeat
                received += part
            assert received.startswith(b"HTTP/1.1 101")
            assert b"keepalive ping timeout" in received
        with connected(gateway) as connection:  # and there is room again
            ask(connection, "a", asking(prompt(world.log, 0)))
            assert last_of_each(connection, ["a"])["a"]["type"] == "answer"


def test_the_end_of_the_server_waits_for_what_is_under_way(world):
    upstream = Held()
    with running([world.policies["small"]], world.catalogue, upstream=upstream) as gateway:
        service = gateway.service
        with connected(gateway) as connection:
            ask(connection, "a", asking(prompt(world.log, 0)))
            assert heard(connection)["type"] == "started"
            gateway.stop()
            wait_for(lambda: service.gateway.draining)
            while True:  # until it is told, requests are taken
                ask(connection, "late", asking(prompt(world.log, 0)))
                frame = heard(connection)
                if frame["type"] == "error":
                    break
                connection.send('{"type": "cancel", "id": "late"}')
                assert heard(connection)["type"] == "cancelled"
            assert frame["error"]["code"] == "draining"
            upstream.go.set()
            assert heard(connection)["type"] == "answer"
            asyncio.run_coroutine_threadsafe(upstream.aclose(), gateway.loop).result(10.0)
            with pytest.raises(ConnectionClosed) as closed:
                heard(connection)
            assert closed.value.rcvd.code == 1001


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
FRAMES = st.dictionaries(st.sampled_from(["type", "id", "body", "request_id", "x"]), ODD) | ODD


def test_odd_frames_are_answered_in_order(gateway):
    with connected(gateway) as connection:

        @settings(max_examples=100, derandomize=True)
        @given(FRAMES | st.binary(max_size=20))
        def fuzz(frame):
            connection.send(frame if isinstance(frame, bytes) else json.dumps(frame))
            told = heard(connection)
            assert told["type"] == "error"
            assert told["status"] == 400
            assert told["error"]["message"]

        fuzz()
    assert not gateway.service.gateway.under_way
