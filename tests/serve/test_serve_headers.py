"""What every reply of every address says in its headers, whatever came of the request."""

from __future__ import annotations

import pytest
from serve_world import asking, prompt

from routelab.serve.app import WEBSOCKET, GatewayApp

OURS = {f"x-routelab-{name}" for name in ("decision", "policy", "model", "cost-usd", "calls")}
ADDRESSES = {
    "/v1/chat/completions": lambda text: asking(text, model="routelab/small"),
    "/v1/responses": lambda text: {"input": text, "model": "routelab/small"},
    "/v1/decision": lambda text: {"request": asking(text, model="routelab/small")},
    "/route": lambda text: {"route_id": "one", "strategy": "small", **asking(text)},
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_answer_has_all_of_them(gateway, world, address):
    body = ADDRESSES[address](prompt(world.log, 0))
    reply = gateway.client.post(address, json=body, headers={"x-request-id": "one"})
    assert reply.status_code == 200, reply.text
    assert reply.headers["x-request-id"] == "one"
    assert reply.headers.keys() >= OURS
    assert reply.headers["x-routelab-decision"] == "one"
    assert reply.headers["x-routelab-policy"] == "small"
    assert reply.headers["x-routelab-model"] == "small-8b"
    assert float(reply.headers["x-routelab-cost-usd"]) >= 0.0
    asked = "0" if address in ("/v1/decision", "/route") else "1"
    assert reply.headers["x-routelab-calls"] == asked


def test_what_was_reported_is_counted(gateway, world):
    body = {"request": asking(prompt(world.log, 0), model="routelab/cascade")}
    first = gateway.client.post("/v1/decision", json=body)
    outcome = {"signals": {"confidence": 0.1}, "response": {"choices": []}, "cost_usd": 0.25}
    more = {"token": first.json()["routelab"]["token"], "outcomes": [outcome]}
    then = gateway.client.post("/v1/decision", json={**body, **more})
    assert then.headers["x-routelab-decision"] == first.headers["x-routelab-decision"]
    assert then.headers["x-request-id"] == first.headers["x-request-id"]
    assert (then.headers["x-routelab-calls"], then.headers["x-routelab-cost-usd"]) == ("1", "0.25")
    body = {"route_id": "two", "strategy": "cascade", **asking(prompt(world.log, 0))}
    gateway.client.post("/route", json=body)
    then = gateway.client.post("/outcome", json={"route_id": "two", **outcome})
    assert (then.headers["x-routelab-decision"], then.headers["x-routelab-calls"]) == ("two", "1")
    assert then.headers["x-routelab-model"] == then.json()["selected_roster_id"]


@pytest.mark.parametrize("address", [*ADDRESSES, "/outcome", "/v1/feedback", "/nowhere"])
@pytest.mark.parametrize("content", [b"{", b"{}", b'{"messages": "a", "input": "a"}'])
def test_a_refusal_has_all_of_them_and_has_cost_nothing(gateway, address, content):
    reply = gateway.client.post(address, content=content, headers={"x-request-id": "a%20b"})
    assert 400 <= reply.status_code < 500
    assert reply.headers["x-request-id"] == "a%20b"
    assert reply.headers.keys() >= OURS
    assert (reply.headers["x-routelab-cost-usd"], reply.headers["x-routelab-calls"]) == ("0", "0")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["error"].keys() == {"message", "type", "param", "code"}


def test_a_failure_says_who_decided_and_what_it_cost(gateway):
    for address, body in (
        ("/v1/chat/completions", asking("not in the log", model="routelab/large")),
        ("/v1/responses", {"input": "not in the log", "model": "routelab/large"}),
        ("/v1/decision", {"request": {"model": "routelab/large", "max_cost_usd": 0.0}}),
    ):
        reply = gateway.client.post(address, json=body, headers={"x-request-id": "one"})
        assert reply.status_code in (400, 503)
        assert reply.headers["x-routelab-decision"] == "one"
        assert reply.headers["x-routelab-policy"] == "large"
        assert reply.headers["x-routelab-model"] == ""
        calls = "0" if address == "/v1/decision" else "1"
        assert reply.headers["x-routelab-calls"] == calls


def test_every_address_says_how_it_is_asked(gateway):
    for address, there in GatewayApp(gateway.service).addresses.items():
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
            if (method, address) == ("GET", "/status/events"):
                continue  # which never ends
            reply = gateway.client.request(method, address)
            assert reply.headers["x-request-id"]
            assert (reply.status_code == 405) == (method not in there.methods)
            if reply.status_code == 405:
                assert reply.headers["allow"] == ", ".join(there.methods)
                assert method == "HEAD" or reply.json()["error"]["code"] == "wrong_method"
            if method == "HEAD":
                assert reply.content == b""
    reply = gateway.client.get(WEBSOCKET)
    assert (reply.status_code, reply.headers["upgrade"]) == (426, "websocket")
