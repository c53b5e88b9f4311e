"""When a streamed answer is complete: every asked choice ended, whatever comes after it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from sink_world import Sink

from routelab.core.catalogue import Deployment, Timeouts
from routelab.runtime.attempts import attempt
from routelab.runtime.attempts.classify import classify
from routelab.runtime.upstream import OpenReply, Reply, UpstreamError
from routelab.simulate.virtual import VirtualLoop

USAGE = {"prompt_tokens": 3, "completion_tokens": 5}
HANG, CUT = "hang", "cut"
DONE = b"data: [DONE]\n\n"


def said(text=None, finish=None, index=0, **more):
    delta = {} if text is None else {"content": text}
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def usage():
    return b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"


class Told:
    """A stream of these bytes, which may hang or break off."""

    def __init__(self, *told):
        self.told = told

    @asynccontextmanager
    async def stream(self, outgoing):
        async def chunks():
            for it in self.told:
                if it == HANG:
                    await asyncio.sleep(1000.0)
                elif it == CUT:
                    raise UpstreamError("gone", "cut")
                else:
                    yield it

        yield OpenReply(200, chunks(), {"content-type": "text/event-stream"})

    def hide(self, deployment, text):
        return text


def read(*told, **fields):
    async def main(loop):
        sink = Sink()
        return await attempt(
            Told(*told),
            Deployment("http://upstream.test/v1", "m"),
            {"messages": [], **fields},
            {},
            Timeouts(first_token_s=10.0, between_tokens_s=30.0, total_s=60.0),
            clock=loop.time,
            wall_clock=loop.time,
            sink=sink,
        ), sink.pieces

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(runner.get_loop()))


FIRST = (said("one"), said(finish="stop"))
SECOND = (said("two", index=1), said(finish="stop", index=1))


@pytest.mark.parametrize("end", [(), (CUT,), (HANG,)], ids=["closed", "cut", "stalled"])
@pytest.mark.parametrize("more", [(), SECOND[:1]], ids=["first only", "second begun"])
def test_one_choice_of_two_is_no_complete_answer(more, end):
    result, _ = read(*FIRST, *more, *end, n=2)
    assert result.answer is None
    assert result.kind in ("cut", "timeout")


def test_a_choice_that_had_begun_is_missed_even_where_the_endpoint_says_it_is_done():
    result, _ = read(*FIRST, *SECOND[:1], DONE, n=2)
    assert result.kind == "cut"


def test_an_endpoint_that_answers_fewer_choices_than_asked_for_is_not_to_blame_for_its_health():
    result, _ = read(*FIRST, DONE, n=2)
    assert result.answer is None
    assert (result.failure.name, result.failure.against) == ("unsupported", False)


def test_the_last_event_may_lack_its_blank_line():
    result, pieces = read(FIRST[0], FIRST[1][:-2])
    assert result.error is None
    assert len(pieces) == 2
    cut, _ = read(FIRST[0], FIRST[1][:-9])
    assert cut.kind == "cut"


FILTERED = ["content_filter", "SAFETY", "ERROR_TOXIC"]
BROKEN = ["insufficient_system_resource", "abort", "ERROR", "timeout", "cancelled"]
NOT_MADE = ["function_call_filter: MALFORMED_FUNCTION_CALL", "MalformedFunctionCall"]


@pytest.mark.parametrize("finish", [*FILTERED, *BROKEN, *NOT_MADE])
def test_a_finish_that_says_the_answer_is_none_lets_another_deployment_answer(finish):
    classes = {"filtered": FILTERED, "cut": BROKEN, "output": NOT_MADE}
    for told in ((said("", finish),), (said(""), said(finish=finish), usage(), DONE)):
        result, pieces = read(*told)
        assert (result.answer, pieces) == (None, [])
        assert result.failure.elsewhere
        assert not result.failure.against
        assert finish in classes[result.failure.name]
    choice = {"message": {"role": "assistant", "content": None}, "finish_reason": finish}
    body = json.dumps({"choices": [choice], "usage": USAGE}).encode()
    whole = classify(Deployment("http://upstream.test/v1", "m"), Reply(200, body, {}), 0.0)
    assert finish in classes[whole.failure.name]
    assert whole.body["usage"] == USAGE


@pytest.mark.parametrize(
    "finish", ["length", "stop_sequence", "eos", "eos_token", "content_filter"]
)
def test_a_text_that_ends_for_another_reason_is_an_answer(finish):
    result, _ = read(said("half"), said(finish=finish), usage())
    assert result.answer["choices"][0]["message"]["content"] == "half"


def test_an_error_beside_a_choice_that_says_nothing_is_all_there_is():
    error = {"message": "Provider returned error", "code": 429}
    result, _ = read(said("", "stop", error=error))
    assert result.failure.name == "rate"
    beside, _ = read(said("well", "stop", error=error))
    assert beside.error is None


@pytest.mark.parametrize("end", [(), (CUT,), (DONE,), (HANG,)])
def test_two_choices_that_ended_are_one_in_any_order(end):
    told = (FIRST[0], SECOND[0], SECOND[1], FIRST[1], usage())
    result, _ = read(*told, *end, n=2)
    assert result.error is None
    texts = [it["message"]["content"] for it in result.answer["choices"]]
    assert texts == ["one", "two"]


@pytest.mark.parametrize(
    "noise",
    [
        b"data: {not json\n\n",
        b"data: 7\n\n",
        b'data: {"error": {"message": "late", "code": 500}}\n\n',
        b"event: error\ndata: {}\n\n",
        b'data: {"choices": "many"}\n\n',
        b": bye\n\n",
        CUT,
    ],
)
def test_noise_after_a_finished_answer_is_no_failure(noise):
    result, pieces = read(*FIRST, usage(), noise)
    assert result.error is None
    assert result.answer["usage"] == USAGE
    assert len(pieces) == 2


@pytest.mark.parametrize(
    ("told", "within_s"), [((*FIRST, usage()), 0.5), (FIRST, 10.5)], ids=["usage", "no usage"]
)
def test_a_connection_that_stays_open_after_the_end_hangs_nobody(told, within_s):
    result, _ = read(*told, HANG)
    assert result.error is None
    assert result.latency_s <= within_s


def test_usage_that_comes_a_moment_after_the_end_is_read():
    class Late(Told):
        @asynccontextmanager
        async def stream(self, outgoing):
            async def chunks():
                for it in FIRST:
                    yield it
                await asyncio.sleep(1.0)
                yield usage()
                yield DONE

            yield OpenReply(200, chunks(), {"content-type": "text/event-stream"})

    globals_told = Late()

    async def main(loop):
        return await attempt(
            globals_told,
            Deployment("http://upstream.test/v1", "m"),
            {"messages": []},
            {},
            Timeouts(),
            clock=loop.time,
            wall_clock=loop.time,
            sink=Sink(),
        )

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        result = runner.run(main(runner.get_loop()))
    assert result.answer["usage"] == USAGE


def test_what_is_no_usage_and_no_choice_reaches_the_caller():
    preamble = b'data: {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}\n\n'
    result, pieces = read(preamble, *FIRST, usage(), DONE)
    assert "prompt_filter_results" in pieces[0]
    assert [bool(it.get("usage")) for it in pieces] == [False] * 3
    assert result.answer["prompt_filter_results"] == [{"prompt_index": 0}]
