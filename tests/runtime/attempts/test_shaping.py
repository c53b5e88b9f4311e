"""What is sent to a deployment, and what is learned from its refusals of fields of ours."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager

import pytest
from sink_world import Sink

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, Quirks, Timeouts
from routelab.runtime import Reply
from routelab.runtime.attempts.shaping import shaped
from routelab.runtime.engine import Engine, SampleRequest
from routelab.runtime.upstream import OpenReply
from routelab.simulate.virtual import VirtualLoop

AT = Deployment("http://upstream.test/v1", "m")
BOTH = {"include_usage": True, "x": 1}


@pytest.mark.parametrize(
    ("said", "stream", "sent"),
    [
        ({}, False, {}),
        ({"stream_options": {"include_usage": True}}, False, {}),
        ({}, True, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream_options": {}}, True, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream_options": {"x": 1}}, True, {"stream": True, "stream_options": BOTH}),
        ({"stream_options": None}, True, {"stream": True}),
        ({"stream_options": {"include_usage": False}}, True, {"stream": True}),
        (
            {"stream_options": {"include_usage": False, "x": 1}},
            True,
            {"stream": True, "stream_options": {"include_usage": False, "x": 1}},
        ),
    ],
)
def test_options_of_a_stream_go_into_streams_and_as_the_caller_wants(said, stream, sent):
    assert shaped(said, AT, stream=stream) == {"model": "m", **sent}


def test_quirks_come_last():
    odd = Deployment("http://a/v1", "m", quirks=Quirks(("stream_options",), {"seed": "s"}))
    assert shaped({"seed": 1}, odd, stream=True) == {"model": "m", "s": 1, "stream": True}
    mistral = Deployment("https://api.mistral.ai/v1", "m")
    assert shaped({"seed": 1}, mistral, stream=True) == {
        "model": "m",
        "random_seed": 1,
        "stream": True,
    }
    own = Deployment("https://api.mistral.ai/v1", "m", quirks=Quirks(add={"safe": True}))
    assert shaped({"seed": 1}, own, stream=False) == {"model": "m", "seed": 1, "safe": True}


WORDS = {
    "openai": lambda it: {"error": {"message": f"{it} is not supported", "param": it}},
    "fastapi": lambda it: {"detail": [{"loc": ["body", it], "msg": "extra", "type": "x"}]},
    "plain": lambda it: {"error": f"Unrecognized request argument supplied: {it}"},
    "vllm": lambda it: {"object": "error", "message": f"bad {it}", "code": 400},
    "in a list": lambda it: [{"error": {"code": 400, "message": f'Unknown name "{it}"'}}],
}


class Picky:
    """Refuses a field wherever it is sent, and keeps the bodies."""

    said = None

    def __init__(self, field, status, words, also="", events=False):
        self.events = events
        self.field = field
        self.status = status
        self.words = words
        self.also = also
        self.seen = []

    def _reply(self, outgoing):
        self.seen.append(dict(outgoing.body))
        if self.field in outgoing.body:
            said = self.said if self.words == "said" else WORDS[self.words](self.field)
            return self.status, said
        if self.also and self.also in outgoing.body["messages"][0]["content"]:
            return self.status, WORDS[self.words](self.field)
        choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
        return 200, {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}

    async def send(self, outgoing):
        status, body = self._reply(outgoing)
        return Reply(status, body if isinstance(body, bytes) else json.dumps(body).encode())

    @asynccontextmanager
    async def stream(self, outgoing):
        status, body = self._reply(outgoing)

        async def chunks():
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            yield b"data: " + data + b"\n\n" if events else data

        events = self.events and "choices" not in body
        kind = {"content-type": "text/event-stream"} if events else {}
        yield OpenReply(status, chunks(), kind)

    def hide(self, deployment, text):
        return text


def asked(upstream, *texts, ours=(), stream=False, **fields):
    """What came of each question, one after the other, and what was learned."""

    async def main(loop):
        made = Engine(
            Catalogue({"m": Model(deployments=(AT,))}, EngineRules()),
            upstream,
            timeouts=Timeouts(),
            clock=loop.time,
            wall_clock=loop.time,
            sleep=asyncio.sleep,
            rng=random.Random(0),
        )
        got, attempts = [], []
        for text in texts:
            body = {**fields, "messages": [{"role": "user", "content": text}]}
            sink = Sink() if stream else None
            question = SampleRequest("m", body, {}, sink=sink, ours=frozenset(ours))
            got.append((await made.ask(question, attempts)).last is not None)
        return got, [it.learned for it in attempts if it.learned], made

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(runner.get_loop()))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("words", WORDS)
def test_a_refusal_that_names_a_field_of_ours_is_tried_once_without_and_remembered(
    words, status, stream
):
    upstream = Picky("logprobs", status, words)
    got, learned, made = asked(
        upstream,
        *"abc",
        ours=("logprobs", "top_logprobs"),
        stream=stream,
        logprobs=True,
        top_logprobs=5,
    )
    assert got == [True] * 3
    assert learned == [{"logprobs", "top_logprobs"}]
    assert ["logprobs" in it for it in upstream.seen] == [True, False, False, False]
    assert not any("top_logprobs" in it for it in upstream.seen[1:])
    assert made.states() == {"m at http://upstream.test/v1": "closed"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, {"error": {"message": "Logprobs is not enabled for models/x"}}),
        (403, {"error": {"message": "You are not allowed to request logprobs from this model"}}),
        (
            404,
            {"error": {"message": "No endpoints found that can handle the requested parameters."}},
        ),
        (
            500,
            {"error": {"message": "logprobs is not supported with tools", "type": "server_error"}},
        ),
        (501, {"error": {"message": "LOGPROBS: not implemented"}}),
        (400, {"error": {"message": "logprobs is not supported", "type": "api_error"}}),
        (400, {"message": "Speculative decoding does not support log probs", "code": 400}),
        (400, {"error": {"message": "Unsupported parameter", "param": "responseLogprobs"}}),
        (405, {"error": "log probabilities are off"}),
        (400, "unknown field: logprobs"),
        (400, b'json: unknown field "logprobs"'),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_found_in_whichever_words(status, said, stream):
    upstream = Picky("logprobs", status, "said")
    upstream.said = said
    got, learned, made = asked(
        upstream, *"ab", ours=("logprobs", "top_logprobs"), stream=stream, logprobs=True
    )
    assert got == [True] * 2
    assert {"logprobs"} <= learned[0]
    assert ["logprobs" in it for it in upstream.seen] == [True, False, False]
    assert made.states() == {"m at http://upstream.test/v1": "closed"}


@pytest.mark.parametrize("said", ["include_usage", "streamOptions", "stream options"])
def test_options_of_a_stream_have_other_names(said):
    upstream = Picky("stream_options", 400, "said")
    upstream.said = {"error": {"message": f"Unknown field: {said}"}}
    got, learned, _ = asked(upstream, *"ab", stream=True)
    assert (got, learned) == ([True] * 2, [{"stream_options"}])


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("fields", [("logprobs",), ("stream_options",)])
def test_a_refusal_in_an_event_of_a_stream_is_one(words, fields):
    (field,) = fields
    upstream = Picky(field, 200, words, events=True)
    got, learned, _ = asked(upstream, *"ab", ours=("logprobs",), stream=True, logprobs=True)
    if words in ("fastapi", "in a list"):  # no error, as far as anybody can tell
        assert got == [False] * 2
        return
    assert (got, learned) == ([True] * 2, [{field}])
    assert len(upstream.seen) == 3


OWN = ("logprobs", "top_logprobs", "one_more", "and_another")


@pytest.mark.parametrize("stream", [False, True])
def test_fields_that_are_named_one_at_a_time_are_all_found(stream):
    class OneAtATime(Picky):
        def _reply(self, outgoing):
            self.field = next((it for it in OWN[::-1] if it in outgoing.body), "none")
            return super()._reply(outgoing)

    upstream = OneAtATime("", 400, "openai")
    got, learned, _ = asked(upstream, *"ab", ours=OWN, stream=stream, **dict.fromkeys(OWN, 1))
    assert (got, learned) == ([True] * 2, [frozenset(OWN)])
    assert len(upstream.seen) == len(OWN) + 2


def test_one_that_refuses_for_ever_is_asked_no_more_often_than_there_are_fields():
    class Stubborn(Picky):
        def _reply(self, outgoing):
            self.seen.append(dict(outgoing.body))
            return 400, {"error": {"message": f"unsupported: {', '.join(OWN)}"}}

    upstream = Stubborn("", 400, "openai")
    got, learned, _ = asked(upstream, "a", ours=OWN, **dict.fromkeys(OWN, 1))
    assert (got, learned, len(upstream.seen)) == ([False], [], 2)


@pytest.mark.parametrize("status", [500, 503, 429, 401])
def test_a_failure_that_only_mentions_a_field_is_none_of_it(status):
    upstream = Picky("logprobs", status, "said")
    upstream.said = {"error": {"message": "crashed while computing logprobs"}}
    _, learned, _ = asked(upstream, "a", ours=("logprobs",), logprobs=True)
    assert learned == []
    assert all("logprobs" in it for it in upstream.seen)


def test_stream_options_are_ours_in_a_stream():
    upstream = Picky("stream_options", 422, "fastapi")
    got, learned, _ = asked(upstream, *"ab", stream=True)
    assert got == [True] * 2
    assert learned == [{"stream_options"}]
    assert ["stream_options" in it for it in upstream.seen] == [True, False, False]


def test_what_the_caller_asked_for_is_not_taken_away():
    upstream = Picky("logprobs", 400, "openai")
    got, learned, _ = asked(upstream, "a", logprobs=True)
    assert (got, learned, len(upstream.seen)) == ([False], [], 1)


def test_words_of_one_caller_teach_nothing():
    """The endpoint quotes what it refuses; without the field it refuses it still."""
    upstream = Picky("no such field", 400, "openai", also="logprobs")
    upstream.words = "quoting"
    WORDS["quoting"] = lambda it: {"error": {"message": "cannot do: logprobs"}}
    try:
        got, learned, _ = asked(upstream, "my logprobs", "fine", ours=("logprobs",), logprobs=True)
    finally:
        del WORDS["quoting"]
    assert (got, learned) == ([False, True], [])
    assert "logprobs" in upstream.seen[-1]
