"""Providers that speak in ways of their own: answers, streams, usage, refusals and failures."""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

TEXT = "Two and two are four."
ARGUMENTS = '{"city": "Rome"}'
CALLS = [
    {"id": f"call-{k}", "type": "function", "function": {"name": "f", "arguments": ARGUMENTS}}
    for k in range(2)
]
PROMPT, COMPLETION, CACHED, THOUGHT = 100, 20, 40, 8
"""Tokens of every answer, of which some were read from a cache and some were thought."""


class Dialect(NamedTuple):
    """How one provider answers.

    Attributes:
        usage: of the answer, in its words.
        cached, thought: tokens of either that these words tell.
        indexed: what it writes as the index of the k-th tool call; None for nothing.
        parts: content comes as a list of parts.
        told_in: where the usage of a stream stands: "piece", "choice", "x_groq" or "every"; "top"
            of one whose fields are the response's own.
        first: what the first piece of a stream says of usage, in advance.
        done: a stream ends with `[DONE]`.
        opening: bytes before the first piece.
        refuses: fields for which it refuses a request.
    """

    usage: dict
    cached: int = 0
    thought: int = 0
    indexed: object = int
    parts: bool = False
    told_in: str = "piece"
    done: bool = True
    opening: bytes = b""
    refuses: tuple = ()
    first: dict | None = None


WHOLE = {"prompt_tokens": PROMPT, "completion_tokens": COMPLETION}
TOTAL = {**WHOLE, "total_tokens": PROMPT + COMPLETION}
DIALECTS = {
    "openai": Dialect(
        {
            **TOTAL,
            "prompt_tokens_details": {"cached_tokens": CACHED},
            "completion_tokens_details": {"reasoning_tokens": THOUGHT},
        },
        CACHED,
        THOUGHT,
    ),
    "azure": Dialect(
        TOTAL, opening=b'data: {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}\n\n'
    ),
    "gemini": Dialect(
        {**TOTAL, "completion_tokens": COMPLETION - THOUGHT},
        thought=THOUGHT,
        indexed=lambda _: 0,
    ),
    "mistral": Dialect(TOTAL, parts=True, refuses=("stream_options",)),
    "groq": Dialect(TOTAL, told_in="x_groq", refuses=("logprobs",)),
    "moonshot": Dialect({**TOTAL, "cached_tokens": CACHED}, CACHED, told_in="choice"),
    "deepseek": Dialect(
        {**TOTAL, "prompt_cache_hit_tokens": CACHED, "prompt_cache_miss_tokens": PROMPT - CACHED},
        CACHED,
    ),
    "anthropic": Dialect(
        {
            "input_tokens": PROMPT - CACHED,
            "output_tokens": COMPLETION,
            "cache_read_input_tokens": CACHED,
        },
        CACHED,
        told_in="every",
        done=False,
    ),
    "openrouter": Dialect(TOTAL, opening=b": OPENROUTER PROCESSING\n\n"),
    "ollama": Dialect(WHOLE, indexed=lambda _: None, done=False),
    "llama.cpp": Dialect(
        {
            "timings": {
                "prompt_n": PROMPT - CACHED,
                "cache_n": CACHED,
                "predicted_n": COMPLETION,
                "predicted_ms": 9.5,
            }
        },
        CACHED,
        told_in="top",
    ),
    "bedrock": Dialect(
        {
            "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": PROMPT - CACHED,
                "outputTokenCount": COMPLETION,
                "cacheReadInputTokenCount": CACHED,
            }
        },
        CACHED,
        told_in="top",
    ),
    "cohere": Dialect(
        {"meta": {"billed_units": {"input_tokens": PROMPT, "output_tokens": COMPLETION}}},
        told_in="top",
    ),
    "gateway": Dialect(  # that passes on another's beginning
        {name: str(value) for name, value in TOTAL.items()},
        first={"input_tokens": PROMPT, "output_tokens": 1},
    ),
    "zeros": Dialect(
        {"input_tokens": PROMPT, "output_tokens": COMPLETION},
        first=dict.fromkeys(TOTAL, 0),
    ),
    "minus": Dialect(TOTAL, first=dict.fromkeys(TOTAL, -1)),
}

ERRORS = {
    # how a provider writes an error: status (None for one in a good reply), and its JSON
    "openai": lambda code, said: {"error": {"message": said, "type": "x", "code": code}},
    "anthropic": lambda code, said: {"type": "error", "error": {"type": code, "message": said}},
    "google": lambda code, said: [{"error": {"message": said, "status": code.upper()}}],
    "azure": lambda code, said: {
        "error": {"code": "x", "message": said, "innererror": {"code": code}}
    },
    "bare": lambda code, said: {"message": said, "code": code, "object": "error"},
}


class Providers:
    """All of them behind one address: `/DIALECT/BEHAVIOUR/v1`.

    Behaviours: "text", "tools", "two" (choices), "half" (a stream that ends after the first of
    two), and "STYLE.CODE.STATUS" with anything after it, which fails; 200 is an error in a good
    reply.

    Attributes:
        asked: requests by behaviour.
    """

    def __init__(self):
        self.asked = Counter()
        path = "/{dialect}/{behaviour}/v1/chat/completions"
        self.app = Starlette(routes=[Route(path, self._chat, methods=["POST"])])

    async def _chat(self, request):
        behaviour = request.path_params["behaviour"]
        dialect = DIALECTS[request.path_params["dialect"]]
        self.asked[behaviour] += 1
        body = json.loads(await request.body())
        if named := [it for it in dialect.refuses if it in body]:
            return _json({"detail": [{"type": "extra_forbidden", "loc": ["body", *named]}]}, 422)
        stream = body.get("stream", False)
        if "." in behaviour:
            style, code, status, *_ = behaviour.split(".")
            error = ERRORS[style](code, f"{code} at {request.url}")
            if stream and status == "200" and not isinstance(error, list):
                return _stream([b"data: " + json.dumps(error).encode() + b"\n\n"])
            return _json(error, int(status))
        choices = [_choice(dialect, behaviour, at) for at in range(1 + (behaviour != "text"))]
        choices = choices if behaviour in ("two", "half") else choices[:1]
        if stream:
            return _stream(_events(dialect, choices, half=behaviour == "half"))
        usage = {"x_groq": {"usage": dialect.usage}} if dialect.told_in == "x_groq" else {}
        if dialect.told_in == "choice":
            choices[-1]["usage"] = dialect.usage
        if dialect.told_in == "top":
            usage = dialect.usage
        return _json({"choices": choices, **(usage or {"usage": dialect.usage})}, 200)


def _choice(dialect, behaviour, at):
    content = [{"type": "text", "text": TEXT}] if dialect.parts else TEXT
    message = {"role": "assistant", "content": content}
    if behaviour == "tools":
        message |= {"content": None, "tool_calls": CALLS}
    finish = "tool_calls" if behaviour == "tools" else "stop"
    return {"index": at, "message": message, "finish_reason": finish}


def _events(dialect, choices, *, half):
    yield dialect.opening
    if dialect.first:
        yield b"data: " + json.dumps({"choices": [], "usage": dialect.first}).encode() + b"\n\n"
    for choice in choices[: 1 if half else None]:
        for delta in _deltas(dialect, choice["message"]):
            yield _event(dialect, [{"index": choice["index"], "delta": delta}])
        ending = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        if dialect.told_in == "choice":
            ending["usage"] = dialect.usage
        yield _event(dialect, [ending])
    if half:
        return
    if dialect.told_in == "x_groq":
        yield b"data: " + json.dumps({"x_groq": {"usage": dialect.usage}}).encode() + b"\n\n"
    elif dialect.told_in == "top":
        yield b"data: " + json.dumps({"choices": [], **dialect.usage}).encode() + b"\n\n"
    elif dialect.told_in == "piece":
        yield b"data: " + json.dumps({"choices": [], "usage": dialect.usage}).encode() + b"\n\n"
    if dialect.done:
        yield b"data: [DONE]\n\n"


def _deltas(dialect, message):
    yield {"role": "assistant", "content": ""}
    if calls := message.get("tool_calls"):
        for at, call in enumerate(calls):
            index = dialect.indexed(at)
            yield {"tool_calls": [call if index is None else {"index": index, **call}]}
        return
    for word in TEXT.split(" "):
        said = word if word == TEXT.split(" ")[-1] else f"{word} "
        yield {"content": [{"type": "text", "text": said}] if dialect.parts else said}


def _event(dialect, choices):
    usage = {"usage": dialect.usage} if dialect.told_in == "every" else {}
    return b"data: " + json.dumps({"choices": choices, **usage}).encode() + b"\n\n"


def _json(value, status):
    return Response(json.dumps(value), status, media_type="application/json")


def _stream(events):
    return StreamingResponse(iter(events), media_type="text/event-stream")
