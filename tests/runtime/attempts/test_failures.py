"""One classification of failures, wherever and in whichever words an endpoint tells of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sink_world import Sink

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, RetryRules, Timeouts
from routelab.runtime import Reply
from routelab.runtime.attempts.classify import classify
from routelab.runtime.attempts.failures import BY_CODE, FAILURES, OF_KIND, judged
from routelab.runtime.engine import Engine, SampleRequest
from routelab.runtime.upstream import OpenReply
from routelab.simulate.virtual import VirtualLoop

AT = Deployment("http://upstream.test/v1", "m")
SERVER = OF_KIND["status"]


def openai(message="no", code=None, kind=None):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


SAID = [
    # status, body, class
    (400, openai("bad", None, "invalid_request_error"), "request"),
    (422, {"detail": [{"loc": ["body", "x"], "msg": "bad", "type": "value_error"}]}, "request"),
    (400, openai("maximum context length is 8192", "context_length_exceeded"), "too_long"),
    (
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            },
        },
        "too_long",
    ),
    (413, {"type": "error", "error": {"type": "request_too_large", "message": "x"}}, "too_long"),
    (
        413,
        openai("Request too large on tokens per minute (TPM)", "rate_limit_exceeded", "tokens"),
        "too_long",
    ),
    (402, openai("This request requires more credits, or fewer max_tokens", 402), "too_long"),
    (400, openai("filtered", "content_filter"), "filtered"),
    (
        400,
        {
            "error": {
                "code": "x",
                "message": "m",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        "filtered",
    ),
    (403, {"error": {"message": "input flagged by moderation", "code": 403}}, "filtered"),
    (451, None, "filtered"),
    (400, openai("Unsupported parameter: 'max_tokens'", "unsupported_parameter"), "unsupported"),
    (
        404,
        {"error": {"message": "No endpoints found that support tool use", "code": 404}},
        "unsupported",
    ),
    (
        422,
        {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs", "type": "extra_forbidden"}]},
        "unsupported",
    ),
    (401, openai("Incorrect API key provided", "invalid_api_key", "invalid_request_error"), "key"),
    (401, None, "key"),
    (
        400,
        {
            "error": {
                "code": 400,
                "message": "API key not valid.",
                "status": "INVALID_ARGUMENT",
                "details": [{"reason": "API_KEY_INVALID"}],
            }
        },
        "key",
    ),
    (400, [{"error": {"code": 400, "message": "API key not valid."}}], "key"),
    (
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "Incorrect API key provided: xx.",
        },
        "key",
    ),
    (403, {"error": {"code": 403, "message": "x", "status": "PERMISSION_DENIED"}}, "denied"),
    (402, None, "credit"),
    (
        429,
        openai("You exceeded your current quota", "insufficient_quota", "insufficient_quota"),
        "credit",
    ),
    (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"},
        },
        "credit",
    ),
    (429, openai("slow down", None, "requests"), "rate"),
    (429, None, "rate"),
    (429, {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}, "rate"),
    (400, {"__type": "x", "type": "ThrottlingException", "message": "Too many"}, "rate"),
    (404, openai("The model `x` does not exist", "model_not_found"), "model"),
    (404, {"error": {"code": "DeploymentNotFound", "message": "x"}}, "model"),
    (404, None, "refused"),
    (403, None, "refused"),
    (418, openai("teapot"), "refused"),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, "overloaded"),
    (503, None, "overloaded"),
    (500, openai("oops", None, "server_error"), "server"),
    (502, None, "server"),
    (408, None, "server"),
]


@pytest.mark.parametrize(("status", "body", "name"), SAID)
def test_a_status_with_its_body(status, body, name):
    assert judged(status, body).failure.name == name
    reply = Reply(status, b"no JSON" if body is None else json.dumps(body).encode())
    result = classify(AT, reply, 0.0)
    assert (result.failure.name, result.status) == (name, status)
    assert result.error is not None


CODED = [
    (code, failure)
    for failure in BY_CODE
    for code in sorted(failure.codes)
    if not (failure.name == "rate" and code in ("tokens", "requests"))
]


@pytest.mark.parametrize(("code", "failure"), CODED, ids=[code for code, _ in CODED])
def test_a_word_means_the_same_in_a_body_a_good_status_an_event_and_in_any_spelling(code, failure):
    for error in (
        {"message": "x", "code": code},
        {"message": "x", "type": code.upper().replace("_", "-")},
        {"message": "x", "type": "invalid_request_error", "code": code},
        {"message": "x", "innererror": {"code": code}},
    ):
        for status in (None, 200, 400, 403):
            general = failure.name in ("request", "server")  # a status says more than these
            if not general or status in (None, 200):
                assert judged(status, {"error": error}).failure.name == failure.name


@pytest.mark.parametrize("code", sorted(SERVER.codes))
@pytest.mark.parametrize("status", [400, 405, 410, 415, 418, 422, 499])
def test_a_servers_word_with_a_status_that_blames_the_request_blames_no_server(code, status):
    verdict = judged(status, {"error": {"message": "x", "type": code}})
    assert verdict.failure.name in ("request", "refused")
    assert verdict.failure.elsewhere
    assert {verdict.failure.against, verdict.failure.again, verdict.failure.rests} == {False}


@pytest.mark.parametrize("number", [429, "429"])
def test_a_number_in_a_body_goes_before_a_good_status(number):
    verdict = judged(200, {"error": {"message": "x", "code": number}})
    assert (verdict.failure.name, verdict.status) == ("rate", 429)


def test_every_class_has_a_name_and_a_meaning_of_its_own():
    assert len({it.name for it in FAILURES}) == len({it.means for it in FAILURES}) == len(FAILURES)
    shared = [code for it in FAILURES for code in it.codes]
    assert len(shared) == len(set(shared))


@pytest.mark.parametrize("finish", ["error", "network_error"])
def test_an_answer_that_ended_by_an_error_is_none(finish):
    choice = {"index": 0, "message": {"content": "par"}, "finish_reason": finish}
    result = classify(AT, Reply(200, {"choices": [choice], "usage": {"prompt_tokens": 3}}), 0.0)
    assert result.answer is None
    assert finish in (result.error or "")
    assert result.body == {"usage": {"prompt_tokens": 3}}
    told = {**choice, "error": {"code": 502, "message": "upstream"}}
    assert classify(AT, Reply(200, {"choices": [told]}), 0.0).failure.name == "server"


def test_an_error_beside_a_finished_answer_is_none():
    body = {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "error": {"message": "late", "code": 500},
    }
    assert classify(AT, Reply(200, body), 0.0).error is None


class Endpoint:
    """Answers an innocent question; anything else as it is told, plain and streamed."""

    def __init__(self, status, body, headers):
        self.status = status
        self.body = json.dumps(body).encode()
        self.headers = headers

    def _reply(self, outgoing):
        if outgoing.body["messages"][0]["content"] == "innocent":
            fine = {"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}
            return Reply(200, json.dumps(fine).encode(), {})
        return Reply(self.status, self.body, self.headers)

    async def send(self, outgoing):
        await asyncio.sleep(0.01)
        return self._reply(outgoing)

    @asynccontextmanager
    async def stream(self, outgoing):
        await asyncio.sleep(0.01)
        reply = self._reply(outgoing)
        event = reply.status == 200 and b"error" in reply.body
        content = b"data: " + reply.body + b"\n\n" if event else reply.body
        headers = {"content-type": "text/event-stream"} if event else {}

        async def chunks():
            yield content

        yield OpenReply(reply.status, chunks(), {**headers, **reply.headers})

    def hide(self, deployment, text):
        return text


def after_a_storm(endpoint, *, stream, alike=True):
    """The answer to another caller, at once after 30 failed requests, alike or each another."""

    async def main(loop):
        import random

        catalogue = Catalogue(
            {"m": Model(deployments=(AT,))}, EngineRules(retry=RetryRules(burst=1000, share=1.0))
        )
        made = Engine(
            catalogue,
            endpoint,
            timeouts=Timeouts(),
            clock=loop.time,
            wall_clock=loop.time,
            sleep=asyncio.sleep,
            rng=random.Random(0),
        )

        async def ask(text):
            body = {"messages": [{"role": "user", "content": text}]}
            sink = Sink() if stream else None
            return await made.ask(SampleRequest("m", body, {}, sink=sink), [])

        for n in range(30):
            assert (await ask("bad" if alike else f"bad {n}")).last is None
        began = loop.time()
        answered = await ask("innocent")
        return answered, loop.time() - began, made.pools["m"].states[0].breaker.state(loop.time())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(runner.get_loop()))


CALLERS = [it for it in BY_CODE if it.fault == "caller" or it.name in ("unsupported", "denied")]
quoted = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "invalid api key",
            "rate limit",
            "insufficient_quota",
            "overloaded",
            "model not found",
            "Your credit balance is too low",
            "server_error",
            "429",
            "too many requests",
        ]
    ),
)
answers = st.one_of(
    # a status that may be about what was sent, with a sentence that quotes it
    st.tuples(
        st.sampled_from([400, 403, 404, 405, 406, 410, 413, 415, 418, 422, 451]),
        st.builds(lambda text: {"error": {"message": f"cannot do: {text}"}}, quoted),
    ),
    # or words for it, with any status
    st.tuples(
        st.sampled_from([200, 400, 403, 404, 422, 500]),
        st.builds(
            lambda text, code: {"error": {"message": text, "code": code}},
            quoted,
            st.sampled_from(sorted(code for it in CALLERS for code in it.codes)),
        ),
    ),
    st.just((200, {"choices": []})),
    st.just((200, {"choices": None})),
)


@given(answers, st.sampled_from([{}, {"retry-after": "120"}]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_no_callers_requests_take_a_deployment_from_the_others(answer, headers, stream):
    answered, took_s, breaker = after_a_storm(Endpoint(*answer, headers), stream=stream)
    assert answered.last is not None
    assert took_s < 0.1
    assert breaker == "closed"


UNSURE = [*CALLERS, *(it for it in BY_CODE if it.name in ("server", "model", "output"))]
words = st.one_of(
    st.none(), st.text(max_size=20), st.sampled_from(sorted(c for it in UNSURE for c in it.codes))
)


def shapes(message, word, number):
    """One error in the places where providers and gateways write it."""
    error = {"message": message, "type": word, "code": number}
    raw = json.dumps({"error": error})
    return [
        {"error": error},
        error,
        [{"error": error}],
        {"errors": [error]},
        {"detail": [{"msg": message, "type": word}]},
        {"fault": {"faultstring": message, "detail": {"errorcode": word}}},
        {"__type": word, "message": message},
        {"error": {"message": "Provider returned error", "metadata": {"raw": raw}}},
        {"object": "error", "message": raw},
        {"error": message},
        {"choices": [{"message": {"content": ""}, "finish_reason": "error", "error": error}]},
        {"choices": [{"message": {"content": "a", "tool_calls": [message]}}]},
        {"promptFeedback": {"blockReason": word}},
        message,
    ]


bodies = st.builds(shapes, quoted, words, st.none() | st.sampled_from([400, 500, 502])).flatmap(
    st.sampled_from
)
unsure = st.sampled_from(
    [200, 400, 403, 404, 408, 409, 410, 413, 422, 425, 500, 501, 502, 504, 520]
)


@given(unsure, bodies, st.sampled_from([{}, {"retry-after": "120"}]), st.booleans())
@settings(deadline=None, max_examples=150)
def test_whatever_one_caller_meets_does_not_take_a_deployment_from_another(
    status, body, headers, stream
):
    """Not even an error that nobody has seen before; but for what another content would meet too:
    no connection, no answer in time, no credit, no room, a wrong key, too many calls."""
    answered, took_s, breaker = after_a_storm(Endpoint(status, body, headers), stream=stream)
    assert answered.last is not None
    assert took_s < 0.1
    assert breaker == "closed"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "body"),
    [(401, openai("bad key")), (402, openai("pay")), (500, openai("x")), (503, openai("x"))],
)
def test_a_deployment_that_fails_everybody_is_left_alone(status, body, stream):
    answered, _, breaker = after_a_storm(Endpoint(status, body, {}), stream=stream, alike=False)
    assert answered.last is None
    assert breaker == "open"
