"""A model provider on loopback: OpenAI's and Anthropic's forms, sums for answers, tokens by a rule.

It counts what it charges for, so that a bill made of other programs' records can be held to it.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SERVED = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "claude-haiku-4-5-20251001": "claude-haiku-4-5-20251001",
}
CACHED, WRITTEN, THOUGHT = 64, 32, 8
"""Tokens of a prompt that says CONTEXT, and of an answer to one that says THINK."""


class Upstream:
    """What the provider has done.

    Attributes:
        url: of its API, with /v1.
        calls: model, tokens and answer of each, in the order they ended.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[dict[str, Any]] = []


def answer_to(prompt: str, model: str) -> str:
    """The sum that is asked for; a small model is wrong where it is odd."""
    if "GRADE:" in prompt:  # as inspect_ai asks for a letter; one of its graders fails
        return "GRADE: C" if "2 + 2" in prompt else "no letter"
    if "Grade:" in prompt:
        return json.dumps({"pass": True, "score": 0.75, "reason": "fits", "result": "yes"})
    numbers = re.findall(r"(\d+) \+ (\d+)", prompt)
    total = sum(map(int, numbers[-1])) if numbers else 0
    return str(total + (total % 2 if "mini" in model else 0))


def counts(prompt: str, answer: str) -> dict[str, int]:
    """Tokens of a call; those cached and written are part of the prompt's."""
    cached, written = (CACHED, WRITTEN) if "CONTEXT" in prompt else (0, 0)
    thought = THOUGHT if "THINK" in prompt else 0
    return {
        "prompt": 10 + len(prompt.split()) + cached + written,
        "completion": 2 + len(answer) + thought,
        "cached": cached,
        "written": written,
        "reasoning": thought,
    }


def chat_usage(held: dict[str, int]) -> dict[str, Any]:
    return {
        "prompt_tokens": held["prompt"],
        "completion_tokens": held["completion"],
        "total_tokens": held["prompt"] + held["completion"],
        "prompt_tokens_details": {"cached_tokens": held["cached"], "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": held["reasoning"], "audio_tokens": 0},
    }


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(_text(it.get("content", it.get("text", ""))) for it in content or ())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = _text(body.get("messages") or body.get("input") or body.get("prompt"))
        if "REFUSE" in prompt:
            self._json(
                400, {"error": {"message": "refused on purpose", "type": "bad", "code": "x"}}
            )
            return
        model = body["model"]
        if self.path.endswith("/embeddings"):
            self._json(200, _embedding(model))
            return
        answer = answer_to(prompt, model)
        held = counts(prompt, answer)
        if "messages" not in self.path:  # OpenAI's cache is written without a charge
            held["prompt"] -= held["written"]
            held["written"] = 0
        time.sleep(0.01)
        self.upstream.calls.append({"model": model, "asked": prompt, "answer": answer, **held})
        kind = self.path.rsplit("/", 1)[-1]
        if body.get("stream") and kind == "messages":
            self._events(_message_events(model, answer, held), named=True)
        elif body.get("stream"):
            self._events(_chunks(model, answer, held))
        else:
            make = {"messages": _message, "responses": _response}.get(
                kind, _text_completion if self.path.endswith("/v1/completions") else _completion
            )
            self._json(200, make(model, answer, held))

    def _json(self, status: int, body: Any) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def _events(self, chunks: list[Any], *, named: bool = False) -> None:
        names = [f"event: {it['type']}\n" if named else "" for it in chunks]
        lines = [
            f"{name}data: {json.dumps(it)}\n\n" for name, it in zip(names, chunks, strict=True)
        ]
        sent = "".join(lines) + ("" if named else "data: [DONE]\n\n")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent.encode())


_ID = iter(range(1, 1_000_000))


def _completion(model: str, answer: str, held: dict[str, int]) -> Any:
    message = {"role": "assistant", "content": answer, "refusal": None, "annotations": []}
    return {
        "id": f"chatcmpl-{next(_ID)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": SERVED.get(model, model),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": chat_usage(held),
        "service_tier": "default",
    }


def _text_completion(model: str, answer: str, held: dict[str, int]) -> Any:
    choice = {"index": 0, "text": answer, "finish_reason": "stop", "logprobs": None}
    return {
        **_completion(model, answer, held),
        "object": "text_completion",
        "choices": [choice],
    }


def _chunks(model: str, answer: str, held: dict[str, int]) -> list[Any]:
    whole = _completion(model, answer, held)
    shared = {**whole, "object": "chat.completion.chunk", "usage": None}
    said = {"index": 0, "delta": {"role": "assistant", "content": answer}, "finish_reason": None}
    ended = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return [
        {**shared, "choices": [said]},
        {**shared, "choices": [ended]},
        {**shared, "choices": [], "usage": whole["usage"]},
    ]


def _embedding(model: str) -> Any:
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    return {"object": "list", "data": [vector], "model": model, "usage": usage}


def _response(model: str, answer: str, held: dict[str, int]) -> Any:
    text = {"type": "output_text", "text": answer, "annotations": []}
    said = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    return {
        "id": f"resp_{next(_ID)}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "model": SERVED.get(model, model),
        "output": [{**said, "content": [text]}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": held["prompt"],
            "input_tokens_details": {"cached_tokens": held["cached"]},
            "output_tokens": held["completion"],
            "output_tokens_details": {"reasoning_tokens": held["reasoning"]},
            "total_tokens": held["prompt"] + held["completion"],
        },
    }


def _message(model: str, answer: str, held: dict[str, int]) -> Any:
    """Anthropic's form, whose input leaves out what its cache held and took."""
    return {
        "id": f"msg_{next(_ID)}",
        "type": "message",
        "role": "assistant",
        "model": SERVED.get(model, model),
        "content": [{"type": "text", "text": answer}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": held["prompt"] - held["cached"] - held["written"],
            "output_tokens": held["completion"],
            "cache_read_input_tokens": held["cached"],
            "cache_creation_input_tokens": held["written"],
            "cache_creation": {
                "ephemeral_5m_input_tokens": held["written"],
                "ephemeral_1h_input_tokens": 0,
            },
        },
    }


def _message_events(model: str, answer: str, held: dict[str, int]) -> list[Any]:
    whole = _message(model, answer, held)
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": answer},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": held["completion"]}},
        {"type": "message_stop"},
    ]


@contextmanager
def upstream() -> Iterator[Upstream]:
    """The provider, until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made = Upstream(f"http://127.0.0.1:{server.server_address[1]}/v1")
    handler.upstream = made
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
