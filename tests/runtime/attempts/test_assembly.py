"""Pieces of a stream add up to the body that the answer has without streaming."""

from __future__ import annotations

import json

import pytest
from assembly_world import (
    DIALECTS,
    bodies,
    cut,
    in_dialect,
    streamed,
    with_ids_apart,
    without_empty_refusals,
)
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.request import Request
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.growing import PieceError
from routelab.runtime.attempts.pieces import single_chunk
from routelab.signals import resolve


def piece_of(delta, **choice):
    return {"choices": [{"index": 0, "delta": delta, **choice}]}


@given(bodies(), st.data())
def test_any_pieces_of_a_body_add_up_to_it(body, data):
    assembly = Assembly()
    for piece in streamed(body, data.draw):
        assembly.add(piece)
    assert assembly.finished
    assert assembly.body() == body


@given(bodies(), st.sampled_from(DIALECTS), st.booleans(), st.data())
def test_any_pieces_in_any_dialect_add_up_to_the_body(body, dialect, nulls, data):
    with_ids_apart(body)
    assembly = Assembly(len(body["choices"]))
    for piece in in_dialect(streamed(body, data.draw), dialect, nulls):
        assembly.add(piece)
    assert assembly.finished
    assert without_empty_refusals(assembly.body()) == body


PARTS = st.lists(
    st.sampled_from(["text", "thinking", "reference", "image_url"]), min_size=1, max_size=6
)


@given(PARTS, st.data())
def test_content_that_is_text_in_some_pieces_and_parts_in_others_is_the_whole_list(kinds, data):
    whole, pieces = [], []
    for kind, before in zip(kinds, [None, *kinds], strict=False):
        if kind == before and kind in ("text", "thinking"):
            continue  # the whole answer has one part of it
        if kind in ("text", "thinking"):
            text = data.draw(st.text(min_size=1, max_size=12))
            parts = [it for it in cut(text, data.draw) if it]
            inner = [{"type": "text", "text": text}]
            whole.append({"type": kind, kind: text if kind == "text" else inner})
            for part in parts:
                if kind == "text":
                    as_text = data.draw(st.booleans())
                    pieces.append(part if as_text else [{"type": "text", "text": part}])
                else:
                    said = [{"type": "text", "text": part}]
                    pieces.append([{"type": "thinking", "thinking": said}])
        else:
            part = {"type": kind, f"{kind}_ids": [len(whole)]}
            whole.append(part)
            pieces.append([part])
    assembly = Assembly()
    for content in pieces:
        assembly.add({"choices": [{"index": 0, "delta": {"content": content}}]})
    content = assembly.body()["choices"][0]["message"]["content"]
    if all(isinstance(it, str) for it in pieces):
        assert content == "".join(pieces)
    else:
        assert content == whole


def test_two_calls_of_one_tool_without_ids_and_numbers_are_two():
    assembly = Assembly()
    for city in ("Rome", "Oslo"):
        function = {"name": "weather", "arguments": f'{{"city": "{city}"}}'}
        assembly.add({"choices": [{"delta": {"tool_calls": [{"function": function}]}}]})
    calls = assembly.body()["choices"][0]["message"]["tool_calls"]
    assert [json.loads(it["function"]["arguments"])["city"] for it in calls] == ["Rome", "Oslo"]


def test_choices_without_numbers_are_told_apart_by_their_place():
    assembly = Assembly(2)
    taken = assembly.add({"choices": [{"delta": {"content": it}} for it in "ab"]})
    said = [it["message"]["content"] for it in assembly.body()["choices"]]
    assert said == ["a", "b"]
    assert [it["index"] for it in taken.piece["choices"]] == [0, 1]


def test_a_message_that_comes_as_one_event_is_passed_on_with_its_role():
    assembly = Assembly()
    message = {"role": "assistant", "content": "hi"}
    taken = assembly.add({"choices": [{"index": 0, "message": message}]})
    assert taken.piece["choices"][0]["delta"] == message
    assert assembly.body()["choices"][0]["message"] == message


@pytest.mark.parametrize("last", ["abc", "abcd"])
def test_a_whole_message_at_the_end_adds_only_what_was_not_said(last):
    assembly = Assembly()
    pieces = [piece_of({"content": it}) for it in ("ab", "c")]
    call = {"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}
    pieces.append(piece_of({"tool_calls": [call]}))
    message = {"role": "assistant", "content": last, "tool_calls": [call]}
    pieces.append({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    clients = Assembly()
    for piece in pieces:
        clients.add(assembly.add(piece).piece)
    for it in (assembly, clients):
        (choice,) = it.body()["choices"]
        assert choice["message"]["content"] == last
        assert len(choice["message"]["tool_calls"]) == 1
        assert choice["finish_reason"] == "stop"


def test_constants_of_every_piece_do_not_add_up():
    assembly = Assembly()
    for text in ("a", "a", "b"):
        detail = {"type": "reasoning.text", "format": "v1", "index": 0, "text": text}
        delta = {"reasoning_details": [detail], "provider_name": "north", "content": text}
        assembly.add({"choices": [{"delta": delta}], "provider": "north"})
    message = assembly.body()["choices"][0]["message"]
    assert message["content"] == "aab"
    assert message["provider_name"] == "north"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "format": "v1", "index": 0, "text": "aab"}
    ]


def test_a_piece_is_not_changed_by_those_that_follow():
    assembly = Assembly()
    first = {"choices": [{"delta": {"content": [{"type": "text", "text": "a"}]}}]}
    assembly.add(first)
    assembly.add({"choices": [{"delta": {"content": [{"type": "text", "text": "b"}]}}]})
    assert first["choices"][0]["delta"]["content"] == [{"type": "text", "text": "a"}]


@given(bodies())
def test_a_body_as_one_piece_adds_up_to_itself(body):
    assembly = Assembly()
    assembly.add(single_chunk(body))
    assert assembly.body() == body


def test_only_a_piece_with_something_of_the_answer_counts():
    assembly = Assembly()
    assert not assembly.add(piece_of({"role": "assistant", "content": ""})).content
    assert not assembly.add({"choices": []}).content
    assert assembly.add(piece_of({"content": "a"})).content
    assert assembly.add(piece_of({"tool_calls": [{"index": 0}]})).content
    assert (assembly.pieces, assembly.finished) == (2, False)


def test_logprobs_of_a_stream_are_read_like_those_of_a_body():
    assembly = Assembly()
    for token in ("a", "b"):
        logprobs = {"content": [{"token": token, "logprob": -0.5, "top_logprobs": []}]}
        assembly.add({"choices": [{"delta": {"content": token}, "logprobs": logprobs}]})
    assert resolve("logprob_mean").read(Request(id="r"), [assembly.body()]).value == -0.5


@pytest.mark.parametrize(
    "piece",
    [
        {"choices": "many"},
        {"choices": ["one"]},
        {"choices": [{"delta": "text"}]},
        {"choices": [{"index": "0"}]},
        {"choices": [{"delta": {"content": 42}}]},
        {"choices": [{"delta": {"content": {"text": "a"}}}]},
    ],
)
def test_what_is_no_piece_is_refused(piece):
    with pytest.raises(PieceError):
        Assembly().add(piece)


@pytest.mark.parametrize(
    "delta",
    [
        {"content": [{"type": {}, "text": "a"}, {"type": [], "text": "b"}, None, 7]},
        {"tool_calls": [{"index": {}, "function": "f"}, {"index": "0", "function": None}]},
        {"tool_calls": [{"function": {"name": "f", "arguments": 7}}]},
        {"content": [{"text": {"a": 1}}], "tool_calls": {}},
        {"role": 7, "refusal": [], "reasoning_content": {"a": 1}},
    ],
)
@given(st.lists(st.booleans(), min_size=1, max_size=4))
def test_values_of_other_types_than_are_due_raise_nothing_else(delta, odd):
    good = {"content": "x", "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    assembly = Assembly()
    for it in odd:
        choice = {"index": 0, "delta": delta if it else good, "finish_reason": {}}
        assembly.add({"choices": [choice], "usage": [], "model": {}})
    assert assembly.body()["choices"][0]["message"]
