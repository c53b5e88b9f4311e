"""Chat completions, and the pieces in which endpoints of many ways stream them."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

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


def all_zero(call, first):
    return {**call, "index": 0}


def unnumbered(call, first):
    return {name: value for name, value in call.items() if name != "index"}


def repeating(call, first):
    return {
        **call,
        "id": first["id"],
        "type": "function",
        "function": {"name": first["function"]["name"], **call["function"]},
    }


def with_nulls(call, first):
    named = {"name": None, **call["function"]}
    return {"id": None, "type": None, **call, "function": named}


def with_empties(call, first):
    named = {"name": "", **call["function"]}
    return {"id": "", "type": "", **call, "function": named}


def all_zero_and_repeating(call, first):
    return all_zero(repeating(call, first), first)


DIALECTS = (all_zero, unnumbered, repeating, with_nulls, with_empties, all_zero_and_repeating)


def in_dialect(pieces, dialect, nulls):
    """The pieces of an endpoint with ways of its own."""
    first = {}
    for piece in pieces:
        choices = []
        for choice in piece["choices"]:
            calls, delta = choice["delta"].get("tool_calls", ()), dict(choice["delta"])
            if calls:
                at = (choice["index"], calls[0]["index"])
                if calls[0].get("id"):
                    first[at] = calls[0]
                delta["tool_calls"] = [dialect(call, first[at]) for call in calls]
            if nulls:
                delta = {"role": "assistant", "tool_calls": None, "refusal": None, **delta}
                choice = {
                    "logprobs": None,
                    **choice,
                    "finish_reason": choice["finish_reason"] or "",
                }
            choices.append({**choice, "delta": delta})
        more = {"id": "", "model": ""} if nulls and not choices else {}
        yield {**piece, "choices": choices, **more}


def without_empty_refusals(body):
    for choice in body["choices"]:
        if choice["message"].get("refusal", 0) is None:
            del choice["message"]["refusal"]
        if choice["message"].get("tool_calls", 0) is None:
            del choice["message"]["tool_calls"]
        if choice.get("logprobs", 0) is None:
            del choice["logprobs"]
    return body


def with_ids_apart(body):
    """The body with tool calls whose ids differ, which tell calls apart where numbers do not."""
    for choice in body["choices"]:
        choice["message"] = dict(choice["message"])
        for at, call in enumerate(calls := list(choice["message"].get("tool_calls", ()))):
            calls[at] = {**call, "id": f"{at}{call['id']}"}
        if calls:
            choice["message"]["tool_calls"] = calls
    return body
