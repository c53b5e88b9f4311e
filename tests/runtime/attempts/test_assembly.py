"""Pieces of a stream add up to the body that the answer has without streaming."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.request import Request
from routelab.runtime.attempts.assembly import Assembly, PieceError
from routelab.runtime.attempts.pieces import single_chunk
from routelab.signals import resolve

TEXT = st.text(max_size=20)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(min_size=1, max_size=4),
            "type": st.just("function"),
            "function": st.fixed_dictionaries(
                {"name": st.text(min_size=1, max_size=4), "arguments": TEXT}
            ),
        }
    ),
    min_size=1,
    max_size=3,
)
TOKENS = st.lists(
    st.fixed_dictionaries(
        {"token": TEXT, "logprob": st.floats(-9, 0), "top_logprobs": st.just([])}
    ),
    min_size=1,
    max_size=5,
)
USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "cost": 0.25}


@st.composite
def bodies(draw):
    message = {"role": "assistant", "content": draw(st.none() | TEXT)}
    if draw(st.booleans()):
        message["tool_calls"] = draw(CALLS)
    if draw(st.booleans()):
        message["reasoning_content"] = draw(TEXT)
    choices = []
    for index in range(draw(st.integers(1, 3))):
        choice = {"index": index, "message": message, "finish_reason": "stop"}
        if draw(st.booleans()):
            choice["logprobs"] = {"content": draw(TOKENS)}
        choices.append(choice)
    return {
        "id": "c",
        "object": "chat.completion",
        "model": "m",
        "choices": choices,
        "usage": USAGE,
    }


def cut(text, draw):
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    ends = [0, *places, len(text)]
    return [text[a:b] for a, b in itertools.pairwise(ends)]


def streamed(body, draw):
    """The pieces in which an endpoint would send the body."""
    head = {"id": body["id"], "object": "chat.completion.chunk", "model": body["model"]}

    def piece(index, delta, **more):
        return {
            **head,
            "choices": [{"index": index, "delta": delta, "finish_reason": None, **more}],
        }

    for choice in body["choices"]:
        index, message = choice["index"], choice["message"]
        yield piece(
            index, {"role": "assistant", "content": None if message["content"] is None else ""}
        )
        for name in ("content", "reasoning_content"):
            if message.get(name) is not None:
                yield from (piece(index, {name: text}) for text in cut(message[name], draw))
        for at, call in enumerate(message.get("tool_calls", ())):
            opening = {**call, "index": at, "function": {**call["function"], "arguments": ""}}
            yield piece(index, {"tool_calls": [opening]})
            for text in cut(call["function"]["arguments"], draw):
                yield piece(index, {"tool_calls": [{"index": at, "function": {"arguments": text}}]})
        for token in choice.get("logprobs", {}).get("content", ()):
            yield piece(index, {}, logprobs={"content": [token]})
        yield {**head, "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}
    yield {**head, "choices": [], "usage": body["usage"]}


@given(bodies(), st.data())
def test_any_pieces_of_a_body_add_up_to_it(body, data):
    assembly = Assembly()
    for piece in streamed(body, data.draw):
        assembly.add(piece)
    assert assembly.finished
    assert assembly.body() == body


@given(bodies())
def test_a_body_as_one_piece_adds_up_to_itself(body):
    assembly = Assembly()
    assembly.add(single_chunk(body))
    assert assembly.body() == body


def test_only_a_piece_with_something_of_the_answer_counts():
    assembly = Assembly()
    assert not assembly.add({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
    assert not assembly.add({"choices": []})
    assert assembly.add({"choices": [{"delta": {"content": "a"}}]})
    assert assembly.add({"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]})
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
    ],
)
def test_what_is_no_piece_is_refused(piece):
    with pytest.raises(PieceError):
        Assembly().add(piece)
