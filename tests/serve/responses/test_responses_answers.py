"""Answers of a provider as responses and as their events, all checked against OpenAI's types."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from responses_world import RESPONSES, USAGE, calling, checked, completion, delta, events_in

TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
LOGPROBS = {
    "content": [
        {"token": "Four", "logprob": -0.5, "bytes": None,
         "top_logprobs": [{"token": "Five", "logprob": -2.0, "bytes": [70]}]}
    ]
}  # fmt: skip
BOTH = {"tool_calls": [calling("c1", '{"city": "Rome"}'), calling("c2", '{"city": "Oslo"}')]}
ANSWERS = {
    "text": completion({"content": "Four."}),
    "text in parts": completion({"content": [{"type": "text", "text": "Four"},
                                             {"type": "text", "text": "."}]}),
    "nothing": completion({"content": ""}),
    "null": completion({"content": None}, "length"),
    "cut": completion({"content": "Fo"}, "length"),
    "filtered": completion({"content": "Fo"}, "content_filter"),
    "refusal": completion({"content": None, "refusal": "No."}),
    "text and refusal": completion({"content": "Well.", "refusal": "No."}),
    "thought": completion({"content": "Four.", "reasoning_content": "2 + 2"}),
    "thought twice": completion({"content": "Four.", "reasoning_content": "2 + 2",
                                 "reasoning": "2 + 2"}),
    "thought alone": completion({"content": None, "reasoning": "2 + 2"}, "length"),
    "calls": completion({"content": None, **BOTH}, "tool_calls"),
    "text and calls": completion({"content": "I look.", **BOTH}, "tool_calls"),
    "a call without id": completion({"tool_calls": [calling("", "{}")]}, "tool_calls"),
    "log probabilities": completion({"content": "Four"}, logprobs=LOGPROBS),
    "citations": completion({"content": "Four.", "annotations": [
        {"type": "url_citation", "url_citation": {"url": "https://example.org", "title": "Sums",
                                                  "start_index": 0, "end_index": 4}}]}),
}  # fmt: skip


def asked(before, stream=False, **body):
    body = {"input": "2 + 2?", "tools": TOOLS, "stream": stream, **body}
    return before.client.post(RESPONSES, json=body, headers={"x-request-id": "one"})


def well_formed(events):
    """The last event's response, whose items are what the events before it said of them."""
    kinds = [it["type"] for it in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    said, done, opened, parts = {}, {}, [], set()
    for event in events[2:-1]:
        kind, at = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            assert at == len(opened)
            opened.append(event["item"]["id"])
        else:
            assert event.get("item_id", opened[at]) == opened[at]
        place = at, event.get("content_index")
        if kind == "response.content_part.added":
            assert place not in parts
            parts.add(place)
        elif kind.endswith(".delta"):
            assert place in parts or place[1] is None
            assert place not in done
            said[place] = said.get(place, "") + event["delta"]
        elif kind == "response.output_item.done":
            done[at] = event["item"]
        elif kind != "response.content_part.done" and kind.endswith(".done"):
            (text,) = (event[it] for it in ("text", "refusal", "arguments") if it in event)
            assert said.get(place, "") == text
            done[place] = text
    response = events[-1]["response"]
    assert [done[at] for at in range(len(opened))] == response["output"]
    assert [it["id"] for it in response["output"]] == opened
    return response


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_ends_with_the_response_that_a_plain_request_gets(before, provider, name):
    provider.answer = ANSWERS[name]
    whole = checked(asked(before).json())
    streamed = well_formed(events_in(asked(before, stream=True).content))
    for each in (whole, streamed):
        each["routelab"].pop("latency_s")
        for call in each["routelab"]["calls"]:
            call.pop("latency_s")
        each.pop("created_at"), each.pop("completed_at")
    assert streamed == whole
    assert whole["model"] == "at-provider"
    assert provider.bodies[-1]["stream_options"] == {"include_usage": True}


def output(before, provider, name):
    provider.answer = ANSWERS[name]
    return asked(before).json()


def test_what_a_response_says(before, provider):
    said = output(before, provider, "text")
    (item,) = said["output"]
    assert item["content"] == [{"type": "output_text", "text": "Four.", "annotations": []}]
    assert (said["status"], item["status"], said["store"]) == ("completed", "completed", False)
    assert said["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 17,
    }
    told = said["routelab"]
    assert (told["policy"], told["model"], told["decision"]) == ("one", "there", "one")
    assert told["usage"]["total_tokens"] == USAGE["total_tokens"]
    assert told["cost_usd"] == pytest.approx(10e-6 + 70e-6)


@pytest.mark.parametrize(
    ("name", "status", "reason", "items"),
    [
        ("nothing", "completed", None, ["message"]),
        ("null", "incomplete", "max_output_tokens", ["message"]),
        ("cut", "incomplete", "max_output_tokens", ["message"]),
        ("filtered", "incomplete", "content_filter", ["message"]),
        ("thought", "completed", None, ["reasoning", "message"]),
        ("thought twice", "completed", None, ["reasoning", "message"]),
        ("thought alone", "incomplete", "max_output_tokens", ["reasoning"]),
        ("calls", "completed", None, ["function_call", "function_call"]),
        ("text and calls", "completed", None, ["message", "function_call", "function_call"]),
    ],
)
def test_how_it_ended_and_its_items(before, provider, name, status, reason, items):
    said = output(before, provider, name)
    assert said["status"] == status
    assert (said["incomplete_details"] or {}).get("reason") == reason
    assert [it["type"] for it in said["output"]] == items
    assert said["output"][-1]["status"] == status
    assert len({it["id"] for it in said["output"]}) == len(items)


def test_log_probabilities_citations_and_refusals_are_in_the_text(before, provider):
    (part,) = output(before, provider, "log probabilities")["output"][0]["content"]
    (token,) = part["logprobs"]
    assert (token["token"], token["logprob"], token["bytes"]) == ("Four", -0.5, [])
    assert token["top_logprobs"] == [{"token": "Five", "logprob": -2.0, "bytes": [70]}]
    (part,) = output(before, provider, "citations")["output"][0]["content"]
    assert part["annotations"][0]["url"] == "https://example.org"
    (part,) = output(before, provider, "refusal")["output"][0]["content"]
    assert part == {"type": "refusal", "refusal": "No."}


def test_what_was_asked_for_comes_back(before, provider):
    body = {
        "instructions": "Be brief.", "temperature": 0.5, "max_output_tokens": 9,
        "metadata": {"a": "b"}, "tool_choice": "auto", "parallel_tool_calls": False,
        "text": {"format": {"type": "json_object"}}, "reasoning": {"effort": "low"}, "user": "u",
    }  # fmt: skip
    said = checked(asked(before, **body).json())
    for name, value in body.items():
        assert said[name] == ({"effort": "low", "summary": None} if name == "reasoning" else value)
    assert said["tools"] == [{**TOOLS[0], "strict": None}]
    assert "metadata" not in provider.bodies[-1]
    assert provider.bodies[-1]["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (None, None),
        ({"prompt_tokens": 3}, None),
        ({"prompt_tokens": 3, "completion_tokens": 2}, (3, 2, 5)),
        ({"input_tokens": 3, "output_tokens": 2}, (3, 2, 5)),
    ],
)
def test_usage_that_is_not_told_is_null(before, provider, usage, told):
    provider.answer = {**ANSWERS["text"], "usage": usage}
    said = checked(asked(before).json())["usage"]
    parts = ("input_tokens", "output_tokens", "total_tokens")
    assert (said and tuple(said[it] for it in parts)) == told


def test_calls_by_turns_are_told_apart(before, provider):
    provider.chunks = [
        delta(content="I "), delta(content="look."),
        delta(tool_calls=[{"index": 0, **calling("c1", "")}]),
        delta(tool_calls=[{"index": 2, **calling("c2", '{"city"')}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"city": "Rome"}'}}]),
        delta(tool_calls=[{"index": 2, "function": {"arguments": ': "Oslo"}'}}]),
        delta("tool_calls"),
    ]  # fmt: skip
    response = well_formed(events_in(asked(before, stream=True).content))
    message, *calls = response["output"]
    assert message["content"][0]["text"] == "I look."
    assert [(it["call_id"], json.loads(it["arguments"])["city"]) for it in calls] == [
        ("c1", "Rome"), ("c2", "Oslo"),
    ]  # fmt: skip


TEXTS = st.text('ab {}"\\é\n', max_size=6)
PIECES = st.one_of(
    TEXTS.map(lambda text: {"content": text}),
    TEXTS.map(lambda text: {"reasoning_content": text}),
    TEXTS.map(lambda text: {"refusal": text}),
    st.tuples(st.integers(0, 3), TEXTS).map(
        lambda it: {"tool_calls": [{"index": it[0], **calling(f"c{it[0]}", it[1])}]}
    ),
)


@settings(
    max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)  # fmt: skip
@given(st.lists(PIECES, max_size=8))
def test_whatever_comes_in_whichever_order_is_well_formed(before, provider, pieces):
    provider.chunks = [*(delta(**it) for it in pieces), delta("stop")]
    reply = asked(before, stream=True)
    if reply.status_code == 200:
        response = well_formed(events_in(reply.content))
        text = "".join(it.get("content", "") for it in pieces)
        said = [part["text"] for it in response["output"] if it["type"] == "message"
                for part in it["content"] if part["type"] == "output_text"]  # fmt: skip
        assert "".join(said) == text
    else:
        assert not any(value for it in pieces for value in it.values())


def test_a_stream_that_breaks_off_fails_with_what_there_was(before, provider):
    provider.chunks = [
        delta(reasoning_content="hm"), delta(content="Fo"),
        delta(tool_calls=[{"index": 0, **calling("c1", '{"ci')}]),
    ]  # fmt: skip
    provider.cuts = True
    events = events_in(asked(before, stream=True).content)
    response = events[-1]["response"]
    assert (events[-1]["type"], response["status"]) == ("response.failed", "failed")
    assert response["error"]["code"] == "server_error"
    assert "127.0.0.1" not in response["error"]["message"]
    assert response["routelab"]["error"]["code"] == "no_model_answered"
    assert response["routelab"]["calls"] == 1
    thought, message, call = response["output"]
    assert thought["content"][0]["text"] == "hm"
    assert (message["content"][0]["text"], message["status"]) == ("Fo", "incomplete")
    assert call["arguments"] == '{"ci'


@pytest.mark.parametrize("stream", [False, True])
def test_what_fails_before_it_began_is_an_error_body(before, provider, stream):
    provider.status, provider.answer = 500, {"error": {"message": "oops"}}
    reply = asked(before, stream)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "no_model_answered")
    assert reply.headers["x-routelab-calls"] == "1"
    assert reply.headers["x-request-id"] == "one"
