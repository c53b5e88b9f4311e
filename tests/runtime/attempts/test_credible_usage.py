"""Reported usage beside what was sent and shown: placeholders are estimated, noted and told."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import asynccontextmanager

import httpx
import pytest
from runtime_world import policy_file
from sink_world import Sink

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, RetryRules, Timeouts
from routelab.errors import RouteError
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.runtime.attempts import response_cost
from routelab.runtime.attempts.attempt import attempt
from routelab.runtime.attempts.usage.credible import Exchange, credible_usage
from routelab.runtime.upstream import OpenReply, Reply

AT = Deployment("http://upstream.test/v1", "m")
PRICED = Model(1.0, 10.0, deployments=(AT,))
SENT = {"messages": [{"role": "user", "content": "word " * 80}]}
PROMPT, WORDS = 100, "word " * 400
MEASURED = 500
"""Tokens of the words, four characters each."""

COUNTED = {"prompt_tokens": PROMPT, "completion_tokens": 400}


def body(usage, content=WORDS, **message):
    message = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"choices": [choice], "usage": usage}


def call(arguments):
    return [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]


@pytest.mark.parametrize(
    ("usage", "message", "found"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 0}, {}, (PROMPT, MEASURED)),
        ({"prompt_tokens": 100, "completion_tokens": 0, "total_tokens": 100}, {}, (100, MEASURED)),
        ({"prompt_tokens": 100, "completion_tokens": 1}, {}, (PROMPT, MEASURED)),
        ({"input_tokens": 100, "output_tokens": 4}, {}, (PROMPT, MEASURED)),
        ({"prompt_tokens": 0, "completion_tokens": 400}, {}, (PROMPT, 400)),
        ({"prompt_tokens": 1, "completion_tokens": 400}, {}, (PROMPT, 400)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 1}, {}, (PROMPT, MEASURED)),
        (
            {"prompt_tokens": 100, "completion_tokens": 1},
            {"content": None, "tool_calls": call(json.dumps({"x": "yz" * 120}))},
            (PROMPT, 63),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 2},
            {"content": "ok", "reasoning_content": WORDS},
            (PROMPT, MEASURED + 1),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 0},
            {"content": [{"type": "text", "text": WORDS}]},
            (PROMPT, MEASURED),
        ),
    ],
)
def test_a_placeholder_is_estimated_and_told(usage, message, found):
    used, odd = credible_usage(body(usage, **message), Exchange(SENT))
    assert used[:2] == found
    assert "an estimate" in odd
    paid = response_cost(PRICED, body(usage, **message), 1.0, exchange=Exchange(SENT))
    assert paid.usd == pytest.approx((found[0] + 10 * found[1]) / 1e6)
    assert odd in paid.note
    assert "does not add up" in dict(paid.remarks)["tokens"]


@pytest.mark.parametrize(
    ("usage", "content", "sent"),
    [
        (COUNTED, WORDS, SENT),
        (COUNTED, WORDS, {}),
        ({**COUNTED, "completion_tokens": 170}, WORDS, SENT),  # long words
        ({**COUNTED, "completion_tokens": 0}, "", SENT),
        ({**COUNTED, "completion_tokens": 0}, None, SENT),
        ({**COUNTED, "completion_tokens": 3}, " " * 4000, SENT),  # one token, or a few
        ({**COUNTED, "completion_tokens": 9}, "-" * 300 + "\n" * 300, SENT),
        ({**COUNTED, "completion_tokens": 1}, "Certainly", SENT),
        ({**COUNTED, "completion_tokens": 60_000}, "thought", SENT),
        ({**COUNTED, "prompt_tokens": 90_000}, WORDS, SENT),  # pictures, tools
        ({**COUNTED, "prompt_tokens": 3}, WORDS, {"messages": [{"content": "hello there"}]}),
    ],
)
def test_what_may_well_be_is_taken_in_silence(usage, content, sent):
    used, odd = credible_usage(body(usage, content), Exchange(sent))
    assert (used[:2], odd) == ((usage["prompt_tokens"], usage["completion_tokens"]), "")


@pytest.mark.parametrize(
    ("usage", "limits", "known"),
    [
        ({"completion_tokens": 50_000_000}, {}, False),
        ({"completion_tokens": 2_000_000}, {}, False),
        ({"prompt_tokens": 50_000_000}, {}, False),
        ({"completion_tokens": 500_000}, {}, True),
        ({"completion_tokens": 5_000}, {"max_tokens": 500}, True),
        ({"completion_tokens": 5_000}, {"max_completion_tokens": "500"}, True),
        ({"prompt_tokens": 900_000}, {}, True),
    ],
)
def test_what_nothing_explains_is_told_and_what_cannot_be_is_unknown(usage, limits, known):
    paid = response_cost(PRICED, body({**COUNTED, **usage}), 1.0, exchange=Exchange(SENT | limits))
    assert math.isnan(paid.usd) is not known
    assert "it reports" in paid.note
    assert bool(paid.fix) is not known
    assert bool(paid.remarks) or not known


def delta(content=None, **more):
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}], **more}


END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


class Streaming:
    """Streams these pieces, and breaks off after them unless one of them is the end."""

    def __init__(self, pieces):
        self.pieces = pieces

    @asynccontextmanager
    async def stream(self, outgoing):
        async def chunks():
            for piece in self.pieces:
                yield b"data: " + json.dumps(piece).encode() + b"\n\n"

        yield OpenReply(200, chunks(), {"content-type": "text/event-stream"})

    async def send(self, outgoing):
        return Reply(200, self.pieces)

    def hide(self, deployment, text):
        return text


def streamed(*pieces):
    async def run():
        return await attempt(
            Streaming(pieces), AT, SENT, {}, Timeouts(), sink=Sink(), clock=float, wall_clock=float
        )

    return asyncio.run(run())


FIRST = {
    "zero": {"prompt_tokens": PROMPT, "completion_tokens": 0, "total_tokens": PROMPT},
    "one": {"input_tokens": PROMPT, "output_tokens": 1},
    "zeros": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    "junk": {"prompt_tokens": -1, "completion_tokens": -1},
    "prompt": {"prompt_tokens": PROMPT},
}


@pytest.mark.parametrize("count", [6, 400])
@pytest.mark.parametrize("first", FIRST)
def test_a_stream_that_broke_off_is_charged_for_what_it_said(first, count):
    found = streamed(delta("", usage=FIRST[first]), *[delta("word ")] * count)
    assert found.error is not None
    paid = response_cost(PRICED, found.body, 1.0, exchange=found.exchange)
    assert paid.usd == pytest.approx((PROMPT + 10 * count) / 1e6)


@pytest.mark.parametrize("count", [6, 400])
@pytest.mark.parametrize("first", ["zero", "one"])
def test_a_whole_stream_whose_only_usage_came_first_is_estimated_and_told(first, count):
    found = streamed(delta("", usage=FIRST[first]), *[delta("word ")] * count, END)
    assert found.error is None
    paid = response_cost(PRICED, found.body, 1.0, exchange=found.exchange)
    assert paid.usd == pytest.approx((PROMPT + 10 * count) / 1e6)
    assert f"{count} pieces" in paid.note


def test_a_running_usage_is_charged_as_it_stood():
    usages = [{"prompt_tokens": PROMPT, "completion_tokens": 3 * at} for at in range(1, 41)]
    found = streamed(*(delta("a word or two ", usage=it) for it in usages))
    assert found.body == {"usage": usages[-1]}


def test_the_step_has_a_note_and_the_logger_a_warning(tmp_path, caplog):
    zero = body({"prompt_tokens": PROMPT, "completion_tokens": 0})
    catalogue = Catalogue({"a": PRICED}, EngineRules(retry=RetryRules(most=0)))
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=zero))

    async def run():
        file = policy_file(tmp_path, Fixed("a"), catalogue)
        async with AsyncRouter(file, catalogue, config=RouterConfig(transport=transport)) as router:
            for _ in range(3):
                routed = await router.route("word " * 80)
            return routed

    routed = asyncio.run(run())
    assert routed.cost_usd == pytest.approx((PROMPT + 10 * MEASURED) / 1e6)
    (step,) = routed.decision.steps
    assert "500 are charged, an estimate" in " ".join(step.feedback.notes)
    assert step.feedback.attempts[0].completion_tokens == MEASURED
    told = [it.getMessage() for it in caplog.records if "does not add up" in it.getMessage()]
    assert len(told) == 1  # once, and not for every request


def test_a_failed_attempt_that_says_it_made_nothing_costs_its_prompt(tmp_path):
    said = {"error": {"message": "thought better"}, "usage": FIRST["zero"]}
    catalogue = Catalogue({"a": PRICED}, EngineRules(retry=RetryRules(most=0)))
    transport = httpx.MockTransport(lambda _: httpx.Response(503, json=said))

    async def run():
        file = policy_file(tmp_path, Fixed("a"), catalogue)
        async with AsyncRouter(file, catalogue, config=RouterConfig(transport=transport)) as router:
            with pytest.raises(RouteError) as failed:
                await router.route("hi")
            return failed.value.cost_usd

    assert asyncio.run(run()) == pytest.approx(PROMPT / 1e6)
