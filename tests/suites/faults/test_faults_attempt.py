"""What one attempt makes of every fault, over real HTTP, by both transports, streaming and not."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from faults_world import CUT_AT, STALL_AT, TOKENS, Misbehaving, limits
from runtime_world import closed_port
from sink_world import Sink

from routelab.core.catalogue.catalogue import Deployment
from routelab.runtime.attempts.attempt import attempt
from routelab.runtime.transport.client import HttpUpstream

TRANSPORTS = ("httpx", "aiohttp")
LONG = limits("")
MESSAGES = ({"role": "user", "content": "x" * 400},)
PROMPT = 100
"""Tokens of the messages, as estimated."""


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as running:
        yield running


class Collected(Sink):
    """A sink that has the text of the first choice, too."""

    @property
    def text(self):
        deltas = (choice["delta"] for piece in self.pieces for choice in piece["choices"])
        return "".join(delta.get("content") or "" for delta in deltas)


async def asked(upstream, url, sink=None, timeouts=LONG, key="", **fields):
    return await attempt(
        upstream,
        Deployment(url, "m", api_key_env=key),
        {"messages": MESSAGES, **fields},
        {},
        timeouts,
        clock=time.perf_counter,
        wall_clock=time.time,
        sink=sink,
    )


def tried(transport, url, sink=None, **more):
    async def run():
        upstream = HttpUpstream(transport=transport)
        try:
            return await asked(upstream, url, sink, **more)
        finally:
            await upstream.aclose()

    return asyncio.run(run())


WHOLE = {
    "cut": ("cut", "", 200),
    "reset": ("cut", "", None),
    "clean_cut": ("malformed", "answered no JSON object", 200),
    "cut_before": ("cut", "", None),
    "stall": ("timeout", "no answer in 0.3 s", None),
    "malformed": ("malformed", "answered no JSON object", 200),
    "half_closed": ("cut", "", None),
    "hangs_up": ("cut", "", None),
    "blackhole": ("timeout", "no answer in 0.3 s", None),
    "slow_headers": ("timeout", "no answer in 0.3 s", None),
    "too_long_a_length": ("cut", "", None),
    "too_short_a_length": ("malformed", "", None),  # aiohttp takes it for no HTTP
    "not_http": ("cut", "", None),
    "busy_seconds": ("status", "answered 429: no", 429),
    "busy_date": ("status", "answered 429: no", 429),
    "storm": ("status", "answered 500: no", 500),
}
"""What an attempt without streaming makes of a fault: kind, error, status."""


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", WHOLE)
def test_a_fault_without_streaming(server, transport, fault):
    kind, error, status = WHOLE[fault]
    found = tried(transport, server.url(fault), timeouts=limits(error))
    kinds = {kind, "cut"} if fault == "too_short_a_length" else {kind}
    assert found.kind in kinds
    assert (found.answer, found.failure.elsewhere) == (None, True)
    assert error in found.error
    if status is not None and kind != "cut":
        assert found.status == status
    assert found.delivered is False
    assert 0.0 < found.latency_s < 10.0
    assert math.isnan(found.first_token_s)


STREAMED = {
    "cut": ("cut", f"cut after {CUT_AT} pieces", CUT_AT),
    "reset": ("cut", "cut after", None),
    "clean_cut": ("cut", f"cut after {CUT_AT} pieces: the stream ended without a finish", CUT_AT),
    "cut_before": ("cut", "cut after 0 pieces", 0),
    "stall": ("timeout", "no token for 0.3 s", STALL_AT),
    "stall_before": ("timeout", "no first token in 0.3 s", 0),
    "comments": ("timeout", "no first token in 0.3 s", 0),
    "endless": ("timeout", "not complete in 1 s", None),
    "malformed": ("malformed", 'sent a malformed event: \'{"choices": [{"del\'', 10),
    "not_a_piece": ("malformed", "sent a malformed event: its choices are no list", 0),
    "error_event": ("status", "failed while answering: overloaded", 10),
    "early_error_event": ("status", "failed while answering: overloaded", 0),
    "half_closed": ("cut", "", 0),
    "hangs_up": ("cut", "", 0),
    "blackhole": ("timeout", "no first token in 0.3 s", 0),
    "slow_headers": ("timeout", "no first token in 0.3 s", 0),
    "not_http": ("cut", "", 0),
    "busy_seconds": ("status", "answered 429: no", 0),
    "busy_date": ("status", "answered 429: no", 0),
    "storm": ("status", "answered 500: no", 0),
}
"""What a streaming attempt makes of a fault: kind, error, tokens delivered."""


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", STREAMED)
def test_a_fault_while_streaming(server, transport, fault):
    kind, error, tokens = STREAMED[fault]
    server.reset()
    sink = Collected()
    found = tried(transport, server.url(fault), sink, timeouts=limits(error))
    assert (found.kind, found.answer) == (kind, None)
    assert (error if fault != "cut" else "cut after ") in found.error
    assert found.delivered is bool(sink.pieces)
    assert found.failure.elsewhere
    assert math.isnan(found.first_token_s) is not found.delivered
    if fault == "cut" and transport == "aiohttp":  # the cut may overtake what came before it
        assert "".join(TOKENS).startswith(sink.text)
        return
    if tokens is not None:
        assert sink.text == "".join(TOKENS[:tokens])
    if tokens:
        assert found.body["usage"] == {"prompt_tokens": PROMPT, "completion_tokens": tokens}
        assert (server.prompt[fault], server.billed[fault]) == (PROMPT, tokens)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nobody_listens_and_no_tls(server, transport):
    with closed_port() as nobody:
        for sink in (None, Collected()):
            found = tried(transport, nobody, sink)
            assert (found.kind, found.failure.elsewhere) == ("connect", True)
            found = tried(transport, server.url("good", "https"), sink)
            assert (found.kind, found.failure.elsewhere) == ("connect", True)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_address_that_is_none_is_an_error_of_the_try(transport):
    for sink in (None, Collected()):
        found = tried(transport, "http://[here:port/v1", sink)
        assert (found.kind, found.failure.elsewhere) == ("connect", True)
        assert "InvalidURL" in found.error


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("behaviour", ["busy_seconds", "busy_date"])
def test_both_forms_of_retry_after_say_the_same(server, transport, behaviour):
    for sink in (None, Collected()):
        assert tried(transport, server.url(behaviour), sink).retry_after_s == 1.0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_answer_is_the_same_streamed_or_not(server, transport):
    sink = Collected()
    streamed = tried(transport, server.url("good"), sink)
    whole = tried(transport, server.url("good"))
    assert streamed.answer == whole.answer
    assert streamed.answer is not None
    assert sink.text == "".join(TOKENS)
    assert streamed.delivered
    assert 0.0 < streamed.first_token_s <= streamed.latency_s
    assert all(piece["choices"] for piece in sink.pieces)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_usage_piece_is_passed_on_only_if_asked_for(server, transport):
    sink = Collected()
    tried(transport, server.url("good"), sink, stream_options={"include_usage": True})
    assert sink.pieces[-1]["usage"]["completion_tokens"] == len(TOKENS)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_endpoint_that_does_not_stream_delivers_in_one_piece(server, transport):
    sink = Collected()
    found = tried(transport, server.url("plain"), sink)
    assert found.answer["choices"][0]["message"]["content"] == sink.text == "".join(TOKENS)
    assert len(sink.pieces) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_answer_that_finished_is_whole_without_its_usage(server, transport):
    found = tried(transport, server.url("cut_after"), Collected())
    assert found.error is None
    assert "usage" not in found.answer


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_slow_caller_uses_up_no_limit(server, transport):
    class Slow(Collected):
        async def __call__(self, piece):
            await super().__call__(piece)
            await asyncio.sleep(0.35 if len(self.pieces) in (5, 6, 7, 8) else 0)

    sink = Slow()
    found = tried(transport, server.url("good"), sink, timeouts=limits("no token"))
    assert found.error is None
    assert sink.text == "".join(TOKENS)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_key_is_hidden_wherever_the_endpoint_quotes_it(server, transport, monkeypatch):
    monkeypatch.setenv("FAULT_KEY", "sk-secret/+1")
    for fault in ("unauthorised", "storm", "error_event", "early_error_event"):
        for sink in (None, Collected()):
            if sink is None and "event" in fault:
                continue
            found = tried(transport, server.url(fault), sink, key="FAULT_KEY")
            assert "your key is Bearer ***" in found.error
            assert "secret" not in repr(found)
