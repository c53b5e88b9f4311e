"""The unmodified clients of OpenAI and LangChain against the service, with what they can ask."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from service_world import SECRET, USAGE, WORDS, Provider, service

openai = pytest.importorskip("openai", reason="the openai client is of the dev extra")

TEXT = "".join(WORDS)
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
RICH = {"x-tenant": "rich"}
BUDGETS = "[all]\nlimit_usd = 100.0\n[tenants.poor]\nlimit_usd = 1e-9\n"


class World(NamedTuple):
    """A service with its provider."""

    provider: Provider
    url: str
    log: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder, provider = tmp_path_factory.mktemp("clients"), Provider()
    with (
        pytest.MonkeyPatch.context() as patch,
        service(folder, patch, provider, BUDGETS) as url,
    ):
        for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(proxy, raising=False)
            patch.delenv(proxy.lower(), raising=False)
        yield World(provider, url, folder / "log")


@pytest.fixture(scope="module")
def client(world):
    with openai.OpenAI(
        base_url=world.url, api_key="any", max_retries=0, default_headers=RICH
    ) as made:
        yield made


def user(content):
    return [{"role": "user", "content": content}]


def ask(client, content, **more):
    return client.chat.completions.create(model="any", messages=user(content), **more)


def assembled(stream):
    """Text by choice, calls by place, how choices ended, and the usage, of a stream."""
    texts, calls, ends, usage = {}, {}, {}, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            for call in choice.delta.tool_calls or ():
                calls[call.index] = calls.get(call.index, "") + (call.function.arguments or "")
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    return texts, calls, ends, usage


def test_a_plain_answer(client):
    answer = ask(client, "hello", temperature=0, max_tokens=20, seed=7, user="u")
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == USAGE["total_tokens"]
    assert client.models.list().data[0].id == "routelab/one"


@pytest.mark.parametrize("usage", [False, True])
def test_a_streamed_answer(client, usage):
    more = {"stream_options": {"include_usage": True}} if usage else {}
    texts, _, ends, told = assembled(ask(client, "hello", stream=True, **more))
    assert texts[0] == TEXT.replace(" ", "")
    assert ends == {0: "stop"}
    assert (told is not None) is usage


@pytest.mark.parametrize("content", ["one", "both"])
@pytest.mark.parametrize("stream", [False, True])
def test_tools_one_and_in_parallel(world, client, content, stream):
    asked = {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True}
    cities = ["Rome", "Oslo"] if content == "both" else ["Rome"]
    if stream:
        _, calls, ends, _ = assembled(ask(client, content, stream=True, **asked))
        arguments = [calls[at] for at in sorted(calls)]
        assert ends == {0: "tool_calls"}
    else:
        message = ask(client, content, **asked).choices[0].message
        arguments = [it.function.arguments for it in message.tool_calls]
        assert [it.id for it in message.tool_calls] == [f"call-{k}" for k in range(len(cities))]
    assert [json.loads(it)["city"] for it in arguments] == cities
    assert world.provider.bodies[-1]["parallel_tool_calls"] is True


def test_a_turn_after_a_tool(world, client):
    call = {
        "id": "call-0",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
    }
    messages = [
        *user("how is Rome?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call-0", "content": "sunny"},
    ]
    answer = client.chat.completions.create(model="any", messages=messages)
    assert answer.choices[0].message.content == TEXT
    assert world.provider.bodies[-1]["messages"] == messages


def test_a_response_format(client):
    wanted = {"name": "sum", "schema": SCHEMA, "strict": True}
    asked = {"response_format": {"type": "json_schema", "json_schema": wanted}}
    said = json.loads(ask(client, "2 + 2?", **asked).choices[0].message.content)
    assert said == {"answer": 4, "schema": "sum"}


@pytest.mark.parametrize("stream", [False, True])
def test_two_choices(client, stream):
    if stream:
        texts, _, ends, _ = assembled(ask(client, "hello", n=2, stream=True))
        assert texts == dict.fromkeys((0, 1), TEXT.replace(" ", ""))
        assert ends == {0: "stop", 1: "stop"}
    else:
        choices = ask(client, "hello", n=2).choices
        assert [(it.index, it.message.content) for it in choices] == [(0, TEXT), (1, TEXT)]


def test_logprobs(client):
    choice = ask(client, "hello", logprobs=True, top_logprobs=1).choices[0]
    assert [it.token for it in choice.logprobs.content] == list(WORDS)
    assert choice.logprobs.content[0].top_logprobs[0].logprob == -0.25


def test_images(world, client):
    parts = [{"type": "text", "text": "What is this?"}, IMAGE, IMAGE]
    answer = ask(client, parts)
    assert answer.choices[0].message.content == "text image_url image_url"
    assert world.provider.bodies[-1]["messages"][0]["content"] == parts


def test_a_stream_that_is_cancelled_ends_at_the_provider(world, client):
    world.provider.left.clear()
    stream = ask(client, "slow", stream=True)
    assert next(iter(stream)).choices[0].delta.content == "w "
    stream.close()
    assert world.provider.left.wait(10.0)


def test_an_asynchronous_caller_who_gives_up_ends_it_too(world):
    async def give_up():
        made = openai.AsyncOpenAI(
            base_url=world.url, api_key="any", max_retries=0, default_headers=RICH
        )
        async with made as client, asyncio.timeout(10.0):
            stream = await client.chat.completions.create(
                model="any", messages=user("slow"), stream=True
            )
            async with stream:
                async for _ in stream:
                    return

    world.provider.left.clear()
    asyncio.run(give_up())
    assert world.provider.left.wait(10.0)


def told(error):
    """What a client was told: no address, no deployment."""
    said = str(error) + json.dumps(error.body)
    assert SECRET not in said
    assert "127.0.0.1" not in said
    return error.body["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_over_budget(world, stream):
    with openai.OpenAI(base_url=world.url, api_key="any", max_retries=2) as client:
        before = len(world.provider.bodies)
        with pytest.raises(openai.RateLimitError) as raised:
            ask(client, "hello", stream=stream, extra_headers={"x-tenant": "poor"})
    assert raised.value.code == "insufficient_quota"
    assert "has no room for a call" in told(raised.value)
    assert len(world.provider.bodies) == before


@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_429(client, stream):
    with pytest.raises(openai.RateLimitError) as raised:
        ask(client, "busy", stream=stream)
    assert raised.value.code == "rate_limit_exceeded"
    assert raised.value.response.headers["retry-after"] == "1"
    assert "the deployment is called too often" in told(raised.value)


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_the_callers_to_mend(client, stream):
    for messages, said in ((user("long"), "has a context length of 10"), ([], "at least one")):
        with pytest.raises(openai.BadRequestError) as raised:
            client.chat.completions.create(model="any", messages=messages, stream=stream)
        assert said in told(raised.value)
        assert raised.value.type == "invalid_request_error"


@pytest.fixture(scope="module")
def chat(world):
    made = pytest.importorskip(
        "langchain_openai", reason="langchain-openai is of the dev extra"
    ).ChatOpenAI
    return made(base_url=world.url, api_key="any", model="any", max_retries=0, default_headers=RICH)


def test_langchain_plain_and_streamed(chat):
    answer = chat.invoke("hello")
    assert answer.content == TEXT
    assert answer.usage_metadata["total_tokens"] == USAGE["total_tokens"]
    pieces = [*chat.stream("hello", stream_usage=True)]
    assert "".join(it.content for it in pieces) == TEXT.replace(" ", "")
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    assert whole.usage_metadata["total_tokens"] == USAGE["total_tokens"]


def test_langchain_tools(chat):
    with_tools = chat.bind_tools([TOOL], parallel_tool_calls=True)
    calls = with_tools.invoke("both").tool_calls
    assert [(it["name"], it["args"]) for it in calls] == [
        ("weather", {"city": "Rome"}),
        ("weather", {"city": "Oslo"}),
    ]
    pieces = [*with_tools.stream("both")]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    assert [it["args"]["city"] for it in whole.tool_calls] == ["Rome", "Oslo"]


def test_langchain_a_schema_images_choices_and_logprobs(chat):
    schema = {**SCHEMA, "title": "sum"}
    found = chat.with_structured_output(schema, method="json_schema").invoke("2 + 2?")
    assert found["answer"] == 4
    parts = [{"type": "text", "text": "What?"}, IMAGE]
    assert chat.invoke([{"role": "user", "content": parts}]).content == "text image_url"
    several = chat.bind(n=2).invoke("hello")
    assert several.content == TEXT
    sure = chat.bind(logprobs=True, top_logprobs=1).invoke("hello")
    assert sure.response_metadata["logprobs"]["content"][0]["logprob"] == -0.25


def test_langchain_refusals(chat):
    with pytest.raises(openai.RateLimitError, match="called too often"):
        chat.invoke("busy")
    with pytest.raises(openai.BadRequestError, match="context length"):
        chat.invoke("long")
    poor = chat.bind(extra_headers={"x-tenant": "poor"})
    with pytest.raises(openai.RateLimitError, match="has no room for a call"):
        poor.invoke("hello")
