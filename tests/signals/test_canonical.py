"""One form of an answer, for agreement, votes, gates and logs."""

from __future__ import annotations

import json

import pytest

from routelab.core import Call, Feedback, Request
from routelab.gates import Json, NonEmpty, Pattern, Refusal
from routelab.policies import Parallel
from routelab.runtime.calls import GateChecker
from routelab.signals import answer_parts, parse


def body(*messages, finish="stop"):
    return {
        "choices": [
            {"index": at, "message": message, "finish_reason": finish}
            for at, message in enumerate(messages)
        ]
    }


def call(arguments, name="f", key="c"):
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": key, "type": "function", "function": {"name": name, "arguments": text}}


def tools(*calls):
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def said(message, finish="stop"):
    return answer_parts(body(message, finish=finish))[0]


def test_text_alone_is_itself():
    assert said({"content": "  Hi\n"}).canonical == "  Hi\n"
    assert said({"content": [{"type": "text", "text": "a"}, {"type": "image"}]}).canonical == "a"


def test_equal_calls_are_equal_whatever_their_ids_spaces_and_order_of_keys():
    one = said(tools(call('{"a": 1, "b": 2}', key="x")))
    other = said(tools(call('{"b":2,"a":1}', key="y")))
    assert (
        one.canonical
        == other.canonical
        == ('{"tool_calls":[{"arguments":{"a":1,"b":2},"name":"f"}]}')
    )
    assert one.canonical != said(tools(call({"a": 1, "b": 3}))).canonical
    assert one.canonical != said(tools(call({"a": 1, "b": 2}, name="g"))).canonical
    assert said({"function_call": call({"a": 1})["function"]}).canonical == (
        said(tools(call({"a": 1}))).canonical
    )


ALIKE = [
    (tools(call('{"a": 1}')), tools(call('{"a": 1.0}'))),
    (tools(call("")), tools(call("{}"))),
    (tools(call("{}", "f"), call("{}", "g")), tools(call("{}", "g"), call("{}", "f"))),
]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
OTHER_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}}
UNLIKE = [
    (
        {"tool_calls": [{"type": "custom", "custom": {"name": "py", "input": "1"}}]},
        {"tool_calls": [{"type": "custom", "custom": {"name": "py", "input": "2"}}]},
    ),
    ({"content": [PICTURE]}, {"content": [OTHER_PICTURE]}),
    ({"content": "here", "images": [PICTURE]}, {"content": "here", "images": [OTHER_PICTURE]}),
    ({"content": "", "audio": {"data": "AAAA"}}, {"content": "", "audio": {"data": "BBBB"}}),
    (tools(call('{"a": 1}')), tools(call('{"a": true}'))),
    (tools(call('{"a": 1}')), tools(call('{"a": "1"}'))),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_says_the_same_is_the_same(one, other):
    assert said(one).identity == said(other).identity


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_what_says_or_shows_something_else_agrees_with_nothing(one, other):
    assert said(one).answers
    assert said(one).identity != said(other).identity
    agreement = parse("agreement:2")
    assert agreement.read(Request(id="r"), [body(one), body(one)]).value == 1.0
    assert agreement.read(Request(id="r"), [body(one), body(other)]).value < 1.0


def test_arguments_that_are_no_json_are_kept_as_they_are():
    assert '"{\\"a\\": "' in said(tools(call('{"a": '))).canonical


@pytest.mark.parametrize(
    ("message", "finish"),
    [
        ({"content": None, "refusal": "I cannot"}, "stop"),
        ({"content": "well", "refusal": "I cannot"}, "stop"),
        ({"content": ""}, "length"),
        ({"content": "", "reasoning_content": "hm"}, "length"),
        ({"content": "half of"}, "content_filter"),
        ({"content": " \n"}, "stop"),
        ({}, "stop"),
    ],
)
def test_what_refuses_or_says_nothing_is_no_answer_and_agrees_with_none(message, finish):
    assert not said(message, finish).answers
    same = body(message, finish=finish)
    assert parse("agreement:3").read(Request(id="r"), [same] * 3).value == 0.0


@pytest.mark.parametrize("broken", [{}, {"choices": None}, {"choices": "x"}, {"choices": [7]}])
def test_what_is_no_completion_has_no_parts(broken):
    assert answer_parts(broken) == ()
    assert parse("agreement:2").read(Request(id="r"), [broken, broken]).value == 0.0


def test_agreement_is_of_calls_too():
    rome, oslo = body(tools(call({"to": "Rome"}))), body(tools(call({"to": "Oslo"})))
    agreement = parse("agreement:3")
    assert agreement.read(Request(id="r"), [rome, rome, oslo]).value == 0.5
    assert agreement.read(Request(id="r"), [rome, rome, rome]).value == 1.0
    assert agreement.read(Request(id="r"), [rome, None, rome]).value == 0.5


def rejected(gate, raw):
    import asyncio

    first = answer_parts(raw)[0]
    seen = Feedback("m", text=first.text, raw=raw)
    checker = GateChecker((gate,), {})
    asked = checker.judge(Call("m", gates=(gate,)), Request(id="r"), seen)
    return asyncio.run(asked).rejected


SECRET = Pattern("SECRET", absent=True)


@pytest.mark.parametrize(
    ("gate", "raw", "passes"),
    [
        (NonEmpty(), body(tools(call({"a": 1}))), True),
        (NonEmpty(), body({"content": ""}), False),
        (NonEmpty(), body({"content": "x"}, {"content": " "}), False),
        (Json(), body(tools(call({"a": 1}))), True),
        (Json(), body({"content": "{}"}, {"content": "[1]"}), True),
        (Json(), body({"content": "{}"}, {"content": "oops"}), False),
        (SECRET, body(tools(call({"a": "SECRET"}))), False),
        (SECRET, body({"content": "clean"}, {"content": "the SECRET"}), False),
        (SECRET, body({"content": None, "refusal": "SECRET"}), False),
        (SECRET, body({"content": "clean", "reasoning_content": "SECRET"}), True),
        (Refusal(), body({"content": None, "refusal": "Nein."}), False),
        (Refusal(), body({"content": "half"}, finish="content_filter"), False),
        (Refusal(), body({"content": "fine"}, {"content": None, "refusal": "no"}), False),
        (Refusal(), body({"content": "fine"}), True),
    ],
)
def test_gates_read_every_part_of_every_choice(gate, raw, passes):
    assert (rejected(gate, raw) == ()) is passes


def test_a_majority_is_of_canonical_forms():
    def seen(city):
        raw = body(tools(call({"to": city}, key=city)))
        return Feedback("m", text=answer_parts(raw)[0].canonical, raw=raw)

    policy = Parallel(("a", "b", "c"), pick="majority")
    answers = [seen("Oslo"), seen("Rome"), seen("Rome")]
    assert "Rome" in (policy._majority(answers).text or "")
