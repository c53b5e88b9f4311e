"""Chat completions over HTTP: answers, headers, failures, and who leaves."""

from __future__ import annotations

import json

import pytest
from serve_world import CASCADE, asking, prompt

from routelab.replay import decide
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.events import EventParser


def test_an_answer_says_what_it_took(gateway, world):
    log = world.log
    for row in range(8):
        key = str(log.requests.id[row])
        body = asking(prompt(log, row), model="routelab/cascade")
        reply = gateway.chat(body, x_request_id=key)
        assert reply.status_code == 200, reply.text
        said, expected = reply.json(), decide(CASCADE, log, row)
        told = said["routelab"]
        assert [it["model"] for it in told["calls"]] == list(expected.models)
        assert told["cost_usd"] == pytest.approx(expected.cost_usd, rel=1e-12)
        assert (told["decision"], told["policy"], told["model"]) == (
            key, "cascade", expected.answer.model,
        )  # fmt: skip
        assert told["usage"]["total_tokens"] >= said["usage"]["prompt_tokens"]
        assert (
            dict(reply.headers).items()
            >= {
                "x-request-id": key,
                "x-routelab-decision": key,
                "x-routelab-policy": "cascade",
                "x-routelab-model": expected.answer.model,
                "x-routelab-calls": str(len(expected.models)),
            }.items()
        )
        assert float(reply.headers["x-routelab-cost-usd"]) == pytest.approx(told["cost_usd"])


def test_a_stream_is_the_same_answer_in_pieces(gateway, world):
    log, row = world.log, 3
    key = str(log.requests.id[row])
    for model in ("routelab/cascade", "routelab/large"):
        body = asking(prompt(log, row), model=model, stream_options={"include_usage": True})
        whole = gateway.chat(body, x_request_id=key).json()
        reply = gateway.chat({**body, "stream": True}, x_request_id=key)
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["x-routelab-decision"] == key
        *events, done = EventParser().feed(reply.content)
        assert done.data == b"[DONE]"
        pieces = [json.loads(it.data) for it in events]
        assembly = Assembly()
        for piece in pieces:
            assembly.add(piece)
        assert assembly.body()["choices"] == whole["choices"]
        assert [("routelab" in it) for it in pieces[:-1]] == [False] * (len(pieces) - 1)
        last = pieces[-1]["routelab"]
        assert last["calls"][-1]["model"] == whole["routelab"]["model"]
        assert last["cost_usd"] == whole["routelab"]["cost_usd"]
        assert len(pieces) > 2 or model == "routelab/cascade"


@pytest.mark.parametrize("stream", [False, True])
def test_what_no_model_answers_is_a_failure_before_it_is_a_stream(gateway, stream):
    reply = gateway.chat(asking("not in the log", model="routelab/large", stream=stream))
    assert reply.status_code == 503
    error = reply.json()["error"]
    assert error["code"] == "no_model_answered"
    assert "404" in error["message"]
    assert "127.0.0.1" not in reply.text
    assert reply.headers["x-routelab-calls"] == "1"


@pytest.mark.parametrize(
    ("body", "status", "param", "why"),
    [
        (b"{", 400, None, "no JSON"),
        (b"[1]", 400, None, "must be an object"),
        (b'{"messages": ' + b"[" * 100_000, 400, None, "no JSON"),
        (b'{"messages": ' + b"[" * 200 + b"]" * 200 + b"}", 400, None, "100 levels"),
        (b"{}", 400, "messages", "at least one message"),
        (b'{"messages": [3, {"role": "user"}]}', 400, "messages[0]", "messages[1].content"),
        (b'{"messages": [{"role": "boss", "content": ""}]}', 400, "messages[0].role", "boss"),
        (b'{"messages": [{"role": "user", "content": [1]}]}', 400, "messages[0].content[0]", ""),
        (b'{"messages": "a", "model": 3, "stream": "x"}', 400, "model", "stream='x'"),
        (b'{"messages": "a", "model": "gpt-9"}', 404, "model", "there is routelab/cascade"),
        (b'{"messages": "a", "model": "routelab/large2"}', 404, "model", "'routelab/large'"),
        (b'{"messages": "a"}', 404, "model", "several policies"),
        (b'{"messages": "a", "model": "routelab/large", "n": NaN}', 400, None, "NaN is no number"),
        (b'{"messages": "a", "model": "routelab/large", "max_cost_usd": "1"}', 400,
         "max_cost_usd", "max_cost_usd='1'"),
        (b'{"messages": "a", "model": "routelab/large", "needs": ["teleport"]}', 400, None,
         "lacks teleport"),
        (b'{"messages": "a", "model": "routelab/large", "stream": true, "stream_options": 3}',
         400, "stream_options", "stream_options=3"),
    ],
)  # fmt: skip
def test_what_callers_send_wrong_is_told_with_its_place(gateway, body, status, param, why):
    reply = gateway.chat(body)
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (status, param), error
    assert why in error["message"]
    assert error.keys() == {"message", "type", "param", "code"}


def test_other_addresses_and_methods(gateway):
    listed = gateway.client.get("/v1/models").json()["data"]
    assert [it["id"] for it in listed] == [f"routelab/{it}" for it in ("cascade", "small", "large")]
    missing = gateway.client.get("/v1/chat/completion")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert "/v1/chat/completions" in missing.text
    assert gateway.client.get("/v1/chat/completions").status_code == 405
    assert gateway.client.get("/v1/models?api_key=secret-value").status_code == 400
    assert "secret-value" not in json.dumps(gateway.events)
