"""What callers of `/v1/responses` send wrong, and callers who leave."""

from __future__ import annotations

import json
import threading
import time

import pytest
from responses_world import RESPONSES, delta
from serve_world import asking


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"[1]", 400, "invalid_json"),
        (b"\xff", 400, "invalid_json"),
        (b'{"input": ' + b"[" * 200 + b"]" * 200 + b"}", 400, "body_too_deep"),
        (b'{"input": "' + b"a" * 20_000_000 + b'"}', 413, "body_too_large"),
        (b'{"input": "a", "model": "routelab/none"}', 404, "model_not_found"),
        (b'{"input": "a", "seed": 1}', 400, "invalid_value"),
        (b'{"messages": "a"}', 400, "invalid_value"),
        (b'{"input": "a", "max_cost_usd": "1"}', 400, "invalid_value"),
        (b'{"input": "a", "deadline_s": 0}', 400, "no_model_allowed"),
    ],
)
def test_bodies_that_are_wrong_are_refused_before_anything_is_asked(
    before, provider, content, status, code
):
    reply = before.client.post(RESPONSES, content=content)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert not provider.bodies


def test_a_key_in_the_address_is_refused_and_not_written_down(before, provider):
    reply = before.client.post(f"{RESPONSES}?api_key=secret-value", json={"input": "a"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "key_in_address")
    assert "secret-value" not in json.dumps(before.events) + reply.text
    assert not provider.bodies


def test_an_id_that_is_under_way_is_taken(before, provider):
    provider.chunks, provider.going = [delta(content="Fo"), delta("stop")], threading.Event()
    headers, body = {"x-request-id": "twice"}, {"input": "a", "stream": True}
    with before.client.stream("POST", RESPONSES, json=body, headers=headers) as first:
        content = first.iter_raw()  # held, as without it the connection is closed
        next(content)
        again = before.client.post(RESPONSES, json={"input": "a"}, headers=headers)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "duplicate_request_id")
        other = before.chat(asking("a"), x_request_id="twice")
        assert other.status_code == 409
        provider.going.set()
        assert b"response.completed" in b"".join(content)
    assert before.client.post(RESPONSES, json={"input": "a"}, headers=headers).status_code == 200


def test_who_leaves_a_stream_ends_what_is_under_way(before, provider):
    provider.chunks, provider.going = [delta(content="Fo"), delta("stop")], threading.Event()
    headers, body = {"x-request-id": "left"}, {"input": "a", "stream": True}
    with before.client.stream("POST", RESPONSES, json=body, headers=headers) as reply:
        content = reply.iter_raw()
        next(content)
        assert before.service.gateway.under_way
    until = time.monotonic() + 30.0
    while before.service.gateway.under_way and time.monotonic() < until:
        time.sleep(0.01)
    assert not before.service.gateway.under_way
    assert before.service.gateway.totals["requests", "responses", "one", "cancelled"] >= 1
