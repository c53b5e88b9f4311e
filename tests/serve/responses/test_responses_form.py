"""Requests for responses as chat completions: every field that maps, and every one refused."""

from __future__ import annotations

import pytest

from routelab.serve import RefusedError
from routelab.serve.responses import MAPPED, UNSUPPORTED, ResponsesForm

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
PNG = "data:image/png;base64,iVBORw0KGgo="


def chat(**body):
    return ResponsesForm({"input": "a", **body}).chat


def messages(*items, **body):
    return chat(input=[*items], **body)["messages"]


def user(content):
    return {"role": "user", "content": content}


CALL = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
CALLED = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
ANSWER = {
    "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
    "content": [{"type": "output_text", "text": "Four.", "annotations": []}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "there"),
    [
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.9}, {"top_p": 0.9}),
        ({"max_output_tokens": 5.0}, {"max_completion_tokens": 5}),
        ({"max_output_tokens": 5}, {"max_completion_tokens": 5}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"top_logprobs": 2}, {"top_logprobs": 2, "logprobs": True}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        ({"user": "u", "safety_identifier": "s"}, {"user": "u", "safety_identifier": "s"}),
        ({"prompt_cache_key": "k", "prompt_cache_retention": "24h"},
         {"prompt_cache_key": "k", "prompt_cache_retention": "24h"}),
        ({"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
        ({"reasoning": {"effort": None, "summary": None}}, {}),
        ({"text": {"verbosity": "low", "format": {"type": "text"}}}, {"verbosity": "low"}),
        ({"text": {"format": {"type": "json_object"}}},
         {"response_format": {"type": "json_object"}}),
        ({"text": {"format": {"type": "json_schema", "name": "sum", "strict": True,
                              "schema": SCHEMA, "description": None}}},
         {"response_format": {"type": "json_schema", "json_schema":
                              {"name": "sum", "schema": SCHEMA, "strict": True}}}),
        ({"tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True,
                     "description": "d"}, {"type": "function", "name": "g", "strict": None}]},
         {"tools": [{"type": "function", "function": {"name": "f", "description": "d",
                                                      "parameters": SCHEMA, "strict": True}},
                    {"type": "function", "function": {"name": "g"}}]}),
        ({"tools": []}, {}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        ({"tool_choice": {"type": "function", "name": "f"}},
         {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto",
                          "tools": [{"type": "function", "name": "f"}]}},
         {"tool_choice": {"type": "allowed_tools", "allowed_tools": {
             "mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}}}),
        ({"model": "routelab/x", "task": "t", "priority": "p", "needs": ["vision"],
          "max_cost_usd": 1, "deadline_s": 2.0},
         {"model": "routelab/x", "task": "t", "priority": "p", "needs": ["vision"],
          "max_cost_usd": 1, "deadline_s": 2.0}),
        ({"stream": True, "stream_options": {"include_obfuscation": False}},
         {"stream": True, "stream_options": {"include_usage": True}}),
        ({"store": False, "background": False, "truncation": "disabled", "metadata": {"a": "b"},
          "include": [], "previous_response_id": None, "moderation": None}, {}),
    ],
)  # fmt: skip
def test_a_field_is_what_a_chat_completion_has_for_it(body, there):
    assert chat(**body) == {"messages": [user("a")], **there}


@pytest.mark.parametrize(
    ("items", "there"),
    [
        ([{"role": "user", "content": "a", "type": "message"}], [user("a")]),
        ([{"role": "developer", "content": "d"}, user("a")],
         [{"role": "developer", "content": "d"}, user("a")]),
        ([user([{"type": "input_text", "text": "a"}])], [user([{"type": "text", "text": "a"}])]),
        ([user([{"type": "input_image", "image_url": PNG, "detail": "low", "file_id": None},
                {"type": "input_file", "file_data": "eA==", "filename": "x.pdf"},
                {"type": "input_audio", "input_audio": {"data": "eA==", "format": "wav"}}])],
         [user([{"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                {"type": "file", "file": {"file_data": "eA==", "filename": "x.pdf"}},
                {"type": "input_audio", "input_audio": {"data": "eA==", "format": "wav"}}])]),
        ([user("a"), ANSWER, user("b")],
         [user("a"), {"role": "assistant", "content": "Four."}, user("b")]),
        ([user("a"), {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
         [user("a"), {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}]),
        ([user("a"), CALL, OUTPUT],
         [user("a"), {"role": "assistant", "content": None, "tool_calls": [CALLED]},
          {"role": "tool", "tool_call_id": "c1", "content": "sunny"}]),
        ([user("a"), ANSWER, CALL, {**CALL, "call_id": "c2"}, OUTPUT],
         [user("a"), {"role": "assistant", "content": "Four.",
                      "tool_calls": [CALLED, {**CALLED, "id": "c2"}]},
          {"role": "tool", "tool_call_id": "c1", "content": "sunny"}]),
        ([user("a"), CALL, {**OUTPUT, "output": [{"type": "input_text", "text": "sunny"}]}, ANSWER],
         [user("a"), {"role": "assistant", "content": None, "tool_calls": [CALLED]},
          {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "sunny"}]},
          {"role": "assistant", "content": "Four."}]),
        ([user("a"), {"type": "reasoning", "id": "rs_1", "summary": [],
                      "content": [{"type": "reasoning_text", "text": "hm"}]}, ANSWER, CALL],
         [user("a"), {"role": "assistant", "content": "Four.", "reasoning_content": "hm",
                      "tool_calls": [CALLED]}]),
        ([user("a"), {"type": "reasoning", "id": "rs_1", "summary": []}, CALL],
         [user("a"), {"role": "assistant", "content": None, "tool_calls": [CALLED]}]),
    ],
)  # fmt: skip
def test_items_are_messages(items, there):
    assert messages(*items) == there
    told = messages(*items, instructions="Be brief.")
    assert told == [{"role": "system", "content": "Be brief."}, *there]


@pytest.mark.parametrize(
    ("body", "param", "why"),
    [
        ({"input": None}, "input", "at least one item"),
        ({"input": []}, "input", "at least one item"),
        ({"input": 3}, "input", "at least one item"),
        ({"input": ["x"]}, "input[0]", "write an object"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type", "item_reference"),
        ({"input": [{"type": ["x"]}]}, "input[0].type", "not supported"),
        ({"input": [{"role": "boss", "content": "a"}]}, "input[0].role", "user, assistant"),
        ({"input": [{"role": "user"}]}, "input[0].content", "write a list"),
        ({"input": [{**user("a"), "phase": "commentary"}]}, "input[0].phase", "nothing like it"),
        ({"input": [user([{"type": "input_image", "file_id": "f", "image_url": "x"}])]},
         "input[0].content[0].file_id", "nothing like it"),
        ({"input": [user([{"type": "input_image"}])]}, "input[0].content[0].image_url", "text"),
        ({"input": [user([{"type": "input_image", "image_url": "x", "detail": "original"}])]},
         "input[0].content[0].detail", "auto, low, high"),
        ({"input": [user([{"type": "output_text", "text": "x"}])]}, "input[0].content[0].type",
         "input_text"),
        ({"input": [user([{"type": "input_file", "file_url": "http://x"}])]},
         "input[0].content[0].file_url", "nothing like it"),
        ({"input": [OUTPUT]}, "input[0].call_id", "no function_call before it"),
        ({"input": [CALL, CALL]}, "input[1].call_id", "two calls"),
        ({"input": [CALL, OUTPUT, OUTPUT]}, "input[2].call_id", "has an output already"),
        ({"input": [CALL, {**OUTPUT, "output": [{"type": "input_image", "image_url": "x"}]}]},
         "input[1].output[0].type", "input_text"),
        ({"input": [{**CALL, "namespace": "n"}]}, "input[0].namespace", "nothing like it"),
        ({"input": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}]}]},
         "input[0].summary", "another service"),
        ({"input": [{"type": "reasoning", "encrypted_content": "x"}]},
         "input[0].encrypted_content", "nothing like it"),
        ({"input": [{"type": "reasoning",
                     "content": [{"type": "reasoning_text", "text": "x"}]}, user("a")]},
         "input[0]", "before the message"),
        ({"input": [{"type": "reasoning", "summary": []}], "instructions": "a"}, "input",
         "no message in it"),
        ({"instructions": [1]}, "instructions", "write a text"),
        ({"model": 3}, "model", "write a text"),
        ({"stream": "x"}, "stream", "true or false"),
        ({"tools": {}}, "tools", "list of objects"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "functions of yours"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "write a text"),
        ({"tools": [{"type": "function", "name": "f"}] * 2}, "tools[1].name", "two tools"),
        ({"tools": [{"type": "function", "name": "f", "strict": 1}]}, "tools[0].strict", "true"),
        ({"tools": [{"type": "function", "name": "f", "parameters": 1}]}, "tools[0].parameters",
         "an object"),
        ({"tools": [{"type": "function", "name": "f", "defer_loading": True}]},
         "tools[0].defer_loading", "nothing like it"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice", "allowed_tools"),
        ({"tool_choice": "any"}, "tool_choice", "none, auto, required"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "x", "tools": [{"type": "mcp"}]}},
         "tool_choice.mode", "write function"),
        ({"text": "x"}, "text", "an object"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type", "json_schema"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema", "text.format.name"),
        ({"text": {"verbosity": "loud"}}, "text.verbosity", "low, medium, high"),
        ({"reasoning": {"summary": "auto"}}, "reasoning.summary", "nothing like it"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort", "write a text"),
        ({"include": ["reasoning.encrypted_content"]}, "include[0]", "logprobs"),
        ({"include": "x"}, "include", "write a list"),
        ({"stream_options": {"include_obfuscation": True}},
         "stream_options.include_obfuscation", "not supported"),
        ({"stream_options": 3}, "stream_options", "write an object"),
        ({"seed": 3}, "seed", "no such field"),
        ({"priority": 3}, "priority", "write a text"),
        ({"needs": "vision"}, "needs", "write a list"),
        ({"temperature": float("nan")}, "temperature", "write a number"),
        ({"temperature": True}, "temperature", "write a number"),
        ({"max_output_tokens": 0}, "max_output_tokens", "at least 1"),
        ({"max_output_tokens": 1.5}, "max_output_tokens", "at least 1"),
        ({"top_logprobs": 21}, "top_logprobs", "0 to 20"),
        ({"metadata": {"a": 1}}, "metadata", "object of texts"),
        ({"user": 3}, "user", "write a text"),
    ],
)  # fmt: skip
def test_what_has_no_equal_is_refused_with_its_place(body, param, why):
    with pytest.raises(RefusedError) as refused:
        chat(**body)
    assert (refused.value.status, refused.value.code) == (400, "invalid_value")
    assert refused.value.param == param
    assert why in refused.value.message


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_needs_state_or_tools_of_the_provider_is_refused_by_name(name):
    with pytest.raises(RefusedError, match="is not supported") as refused:
        chat(**{name: True})
    assert refused.value.param == name
    for allowed in UNSUPPORTED[name].allowed:
        assert chat(**{name: allowed}) == chat()


def test_everything_that_is_wrong_is_told_at_once():
    with pytest.raises(RefusedError) as refused:
        chat(input=[{"role": "boss"}], store=True, tools=[{}], seed=1, temperature="hot")
    message = refused.value.message
    for name in ("input[0].role", "input[0].content", "store", "tools[0].type", "seed"):
        assert name in message
    assert "temperature='hot'" in message


def test_no_field_is_both_mapped_and_refused():
    assert not MAPPED.keys() & UNSUPPORTED.keys()
