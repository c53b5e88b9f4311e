"""The unmodified clients of OpenAI and LangChain ask for responses."""

from __future__ import annotations

import json

import openai
import pytest
from pydantic import BaseModel
from responses_world import USAGE, calling, completion, delta

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Total(BaseModel):
    """What two numbers come to."""

    value: int


@pytest.fixture
def client(before):
    url = str(before.client.base_url).rstrip("/") + "/v1"
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as made:
        yield made


def test_a_response_and_its_headers(client, provider):
    reply = client.responses.with_raw_response.create(
        model="routelab/one", input="2 + 2?", instructions="Be brief.", max_output_tokens=20
    )
    response = reply.parse()
    assert response.output_text == "Four."
    assert response.usage.total_tokens == USAGE["total_tokens"]
    assert response.routelab["policy"] == "one"
    assert reply.headers["x-routelab-model"] == "there"
    assert provider.bodies[-1]["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_stream_by_its_events_and_by_the_helper(client, provider):
    provider.chunks = [delta(content=word) for word in ("Two ", "and ", "two.")] + [delta("stop")]
    events = [*client.responses.create(model="routelab", input="2 + 2?", stream=True)]
    text = [it.delta for it in events if it.type == "response.output_text.delta"]
    assert text == ["Two ", "and ", "two."]
    assert events[-1].response.output_text == "Two and two."
    with client.responses.stream(model="routelab", input="2 + 2?") as stream:
        snapshots = [it.snapshot for it in stream if it.type == "response.output_text.delta"]
        assert snapshots[-1] == "Two and two."
        final = stream.get_final_response()
    assert final.output_text == "Two and two."
    assert final.usage.input_tokens == USAGE["prompt_tokens"]


@pytest.mark.parametrize("streamed", [False, True])
def test_structured_output_is_parsed(client, provider, streamed):
    provider.answer = completion({"content": '{"value": 4}'})
    asked = {"model": "routelab", "input": "2 + 2?", "text_format": Total}
    if streamed:
        with client.responses.stream(**asked) as stream:
            response = stream.get_final_response()
    else:
        response = client.responses.parse(**asked)
    assert response.output_parsed == Total(value=4)
    form = provider.bodies[-1]["response_format"]
    assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
    assert form["json_schema"]["schema"]["properties"]["value"]["type"] == "integer"


@pytest.mark.parametrize("streamed", [False, True])
def test_functions_are_called_and_their_outputs_taken_back(client, provider, streamed):
    called = [calling("c1", '{"city": "Rome"}'), calling("c2", '{"city": "Oslo"}')]
    thought = {"content": "I look.", "reasoning_content": "two cities"}
    provider.answer = completion({**thought, "tool_calls": called}, "tool_calls")
    given = [{"role": "user", "content": "Rome or Oslo?"}]
    asked = {"model": "routelab", "tools": [WEATHER]}
    if streamed:
        with client.responses.stream(input=given, **asked) as stream:
            response = stream.get_final_response()
    else:
        response = client.responses.create(input=given, **asked)
    given += response.output
    for call in response.output:
        if call.type == "function_call":
            output = json.dumps({"city": json.loads(call.arguments)["city"], "sun": True})
            given.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": output}
            )
    provider.answer = completion({"content": "Both."})
    assert client.responses.create(input=given, **asked).output_text == "Both."
    question, message, *outputs = provider.bodies[-1]["messages"]
    assert question == {"role": "user", "content": "Rome or Oslo?"}
    assert message == {"role": "assistant", **thought, "tool_calls": called}
    assert [(it["role"], it["tool_call_id"]) for it in outputs] == [("tool", "c1"), ("tool", "c2")]
    function = {name: WEATHER[name] for name in ("name", "description", "parameters", "strict")}
    assert provider.bodies[-1]["tools"] == [{"type": "function", "function": function}]


def test_images_go_along(client, provider):
    parts = [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": "data:image/png;base64,eA==", "detail": "low"},
    ]
    client.responses.create(model="routelab", input=[{"role": "user", "content": parts}])
    text, image = provider.bodies[-1]["messages"][0]["content"]
    assert text == {"type": "text", "text": "What?"}
    assert image["image_url"]["detail"] == "low"


def test_failures_are_the_clients_errors(client, provider):
    with pytest.raises(openai.BadRequestError) as bad:
        client.responses.create(model="routelab", input="a", previous_response_id="resp_1")
    assert bad.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.create(model="gpt-9", input="a")
    assert missing.value.code == "model_not_found"
    provider.status, provider.answer = 500, {"error": {"message": "oops"}}
    with pytest.raises(openai.InternalServerError, match="the deployment failed"):
        client.responses.create(model="routelab", input="a", stream=True)
    provider.reset()
    provider.chunks, provider.cuts = [delta(content="Fo")], True
    *_, last = client.responses.create(model="routelab", input="a", stream=True)
    assert (last.type, last.response.status) == ("response.failed", "failed")


def test_langchain(before, provider):
    made = pytest.importorskip(
        "langchain_openai", reason="langchain-openai is of the dev extra"
    ).ChatOpenAI
    url = str(before.client.base_url).rstrip("/") + "/v1"
    chat = made(
        base_url=url, api_key="any", model="routelab", max_retries=0, use_responses_api=True
    )
    answer = chat.invoke("2 + 2?")
    assert answer.text == "Four."
    assert answer.usage_metadata["total_tokens"] == USAGE["total_tokens"]
    assert "".join(it.text for it in chat.stream("2 + 2?")) == "Four."
    provider.answer = completion(
        {"content": None, "tool_calls": [calling("c1", '{"city": "Rome"}')]}, "tool_calls"
    )
    tool = {"type": "function", "function": {k: WEATHER[k] for k in ("name", "parameters")}}
    (call,) = chat.bind_tools([tool]).invoke("Rome?").tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Rome"})
    provider.answer = completion({"content": '{"value": 4}'})
    found = chat.with_structured_output(Total, method="json_schema").invoke("2 + 2?")
    assert found == Total(value=4)
