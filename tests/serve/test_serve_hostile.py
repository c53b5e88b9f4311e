"""Whatever callers send, the gateway answers in its own words and goes on."""

from __future__ import annotations

import base64
import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["routelab/cascade", "routelab/small", "user", "x" * 300, "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "signals", "response", "error",
                             "roster_id", "choices", "message", "call_id", "arguments", "name",
                             "output", "summary", "format", "schema", "effort", "image_url"])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)  # fmt: skip
FIELDS = {
    "/v1/chat/completions": ("model", "messages", "stream", "stream_options", "needs", "priority",
                             "max_cost_usd", "deadline_s", "task", "n", "tools"),
    "/v1/responses": ("model", "input", "instructions", "stream", "stream_options", "include",
                      "text", "reasoning", "tools", "tool_choice", "metadata", "temperature",
                      "max_output_tokens", "needs", "store", "previous_response_id"),
    "/v1/decision": ("input_format", "request", "token", "outcomes"),
    "/route": ("route_id", "strategy", "execution_mode", "candidates", "messages", "needs"),
    "/outcome": ("route_id", "outcomes", "signals", "response", "cost_usd", "latency_s", "error"),
    "/v1/feedback": ("decision", "quality", "model", "source"),
}  # fmt: skip


def answered_well(reply):
    assert reply.status_code < 500 or reply.status_code == 503, reply.text
    if reply.status_code >= 400:
        error = reply.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert error["message"]


@pytest.mark.parametrize("address", FIELDS)
def test_odd_bodies_are_answered_in_order(gateway, address):
    bodies = st.dictionaries(st.sampled_from(FIELDS[address]), ODD) | ODD

    @settings(max_examples=60, derandomize=True)
    @given(bodies)
    def fuzz(body):
        content = json.dumps(body).encode()
        answered_well(gateway.client.post(address, content=content))

    fuzz()
    assert gateway.client.get("/healthz").status_code == 200
    assert not gateway.service.gateway.under_way
    assert not [it for it in gateway.events if it["event"] == "broken"]


@pytest.mark.parametrize(
    "outcome",
    [
        {"response": {"choices": 3}},
        {"response": {"choices": [3]}},
        {"response": {"choices": [{"message": "x"}]}},
        {"response": {"choices": [{"message": {"content": {"a": 1}}}]}, "signals": {}},
        {"response": {"routelab": {"signals": {"confidence": "high"}}, "choices": []}},
        {"response": {"routelab": 3, "choices": []}},
    ],
)
def test_answers_that_are_none_are_reported_without_harm(gateway, outcome):
    request = {"messages": "a", "model": "routelab/cascade"}
    first = gateway.client.post("/v1/decision", json={"request": request}).json()
    token = first["routelab"]["token"]
    body = {"request": request, "token": token, "outcomes": [outcome]}
    answered_well(gateway.client.post("/v1/decision", json=body))


@pytest.mark.parametrize(
    "token",
    [
        "", "x", "é", 3,
        base64.urlsafe_b64encode(b"x").decode(),
        base64.urlsafe_b64encode(zlib.compress(b"x")).decode(),
        base64.urlsafe_b64encode(zlib.compress(b"\x00" * 40_000_000)).decode(),
    ],
)  # fmt: skip
def test_tokens_that_are_none_are_refused(gateway, token):
    body = {"request": {"messages": "a"}, "token": token, "outcomes": [{"error": "x"}]}
    reply = gateway.client.post("/v1/decision", json=body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "token")


def test_odd_headers_are_answered_in_order(gateway):
    body = {"messages": "a", "model": "routelab/nobody"}
    for headers in (
        {"x-request-id": "x" * 300}, {"x-request-id": "%ff%00"}, {"x-request-id": "a\tb"},
        {"authorization": "Bearer"}, {"authorization": "Basic x"}, {"content-type": "text/html"},
    ):  # fmt: skip
        answered_well(gateway.chat(body, **headers))
    long = gateway.chat({"messages": "a", "model": "routelab/small"}, x_request_id="x" * 300)
    assert long.json()["error"]["code"] == "invalid_request_id"


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "-" + "9" * 400 + ".0"])
@pytest.mark.parametrize("address", FIELDS)
def test_numbers_that_json_has_not_are_refused_and_not_sent_as_null(gateway, address, number):
    for text in (b"a", b"a" * (1 << 20)):  # which is read in another way
        content = b'{"messages": "%b", "x": [{"y": %b}]}' % (text, number.encode())
        reply = gateway.client.post(address, content=content)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")
        assert "is no number that JSON has" in reply.json()["error"]["message"]


def test_a_whole_number_beyond_measure_is_told_in_the_callers_words(gateway):
    reply = gateway.chat(b'{"messages": "a", "seed": ' + b"9" * 5_000 + b"}")
    assert "more digits than are read" in reply.json()["error"]["message"]


def test_a_body_that_is_packed_is_told_and_a_policy_without_its_prefix_too(gateway):
    reply = gateway.chat(gzip.compress(b'{"messages": "a"}'), content_encoding="gzip")
    assert (reply.status_code, reply.json()["error"]["code"]) == (415, "body_packed")
    reply = gateway.chat({"messages": "a", "model": "small"})
    assert "write 'routelab/small'" in reply.json()["error"]["message"]
