"""A provider whose next answer a test sets, and a gateway before it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from serve_world import Running, listed, running, saved
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Fixed
from routelab.runtime.attempts.events import EventParser

RESPONSES = "/v1/responses"
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
_EVENTS = TypeAdapter(ResponseStreamEvent)


def completion(message: Mapping[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    """A chat completion of one choice."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "at-provider"}
    return {**head, "choices": [{**choice, **more}], "usage": USAGE}


def delta(finish: str | None = None, logprobs: Any = None, **said: Any) -> dict[str, Any]:
    """A chunk of one choice."""
    choice = {"index": 0, "delta": said, "finish_reason": finish, "logprobs": logprobs}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "at-provider"}
    return {**head, "choices": [choice]}


def calling(key: str, arguments: str, name: str = "weather") -> dict[str, Any]:
    """A call of a function, as a message has it."""
    function = {"name": name, "arguments": arguments}
    return {"id": key, "type": "function", "function": function}


class Provider:
    """Answers as it is told to.

    Attributes:
        answer: to plain requests.
        chunks: of streams; those of the answer unless given.
        status: of every reply.
        cuts: streams end without usage or a last event.
        going: streams repeat their first chunk until it is set; None for no such wait.
        bodies: of requests, the latest last.
    """

    def __init__(self) -> None:
        self.reset()
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    def reset(self) -> None:
        self.answer: dict[str, Any] = completion({"content": "Four."})
        self.chunks: list[dict[str, Any]] | None = None
        self.status, self.cuts = 200, False
        self.going: threading.Event | None = None
        self.bodies: list[dict[str, Any]] = []

    async def _chat(self, request: Request) -> Any:
        body = json.loads(await request.body())
        self.bodies.append(body)
        if self.status != 200 or not body.get("stream"):
            return JSONResponse(self.answer, self.status)
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> Any:
        chunks = self.chunks
        if chunks is None:
            (choice,) = self.answer["choices"]
            calls = [{"index": at, **it} for at, it in
                     enumerate(choice["message"].get("tool_calls") or ())]  # fmt: skip
            said = {**choice["message"], **({"tool_calls": calls} if calls else {})}
            chunks = [delta(choice["finish_reason"], choice.get("logprobs"), **said)]
        while self.going is not None and not self.going.is_set():
            yield b"data: " + json.dumps(chunks[0]).encode() + b"\n\n"
            await asyncio.sleep(0.01)
        for chunk in chunks:
            yield b"data: " + json.dumps(chunk).encode() + b"\n\n"
        if not self.cuts:
            yield b"data: " + json.dumps({**delta(), "choices": [], "usage": USAGE}).encode()
            yield b"\n\ndata: [DONE]\n\n"


@contextmanager
def before_a_provider(folder: Path, **config: Any) -> Iterator[tuple[Running, Provider]]:
    """A gateway whose only policy asks the provider."""
    provider = Provider()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(provider.app, log_level="critical", ws="none"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        model = Model(
            deployments=(Deployment(url, "there"),),
            input_usd_per_mtok=1.0,
            output_usd_per_mtok=10.0,
        )
        catalogue = Catalogue({"there": model})
        policy = saved(folder / "one.policy", Fixed("there"), catalogue)
        text = listed(folder / "models.toml", catalogue).read_text(encoding="utf-8")
        (folder / "models.toml").write_text(text + "\n[engine.retry]\nmost = 0\n", encoding="utf-8")
        try:
            with running([policy], folder / "models.toml", **config) as gateway:
                yield gateway, provider
        finally:
            server.should_exit = True
            thread.join(30.0)


def events_in(content: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each checked against OpenAI's own types."""
    found = []
    for it in EventParser().feed(content):
        event = json.loads(it.data)
        _EVENTS.validate_python(event)
        found.append(event)
    assert [it["sequence_number"] for it in found] == [*range(len(found))]
    return found


def checked(body: dict[str, Any]) -> dict[str, Any]:
    """A response, checked against OpenAI's own types."""
    Response.model_validate(body)
    return body
