"""The service of `examples/`, and a provider behind it, each on a thread of its own."""

from __future__ import annotations

import asyncio
import json
import runpy
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, write

PROJECT = Path(__file__).parents[3]
WORDS = ("Two ", "and ", "two ", "are ", "four.")
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
SECRET = "secret-deployment-7"


@contextmanager
def serving(app):
    """An application on a thread; gives its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        config = uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


class Provider:
    """Answers as its last message asks, plain and streamed; knows who hung up.

    Attributes:
        bodies: of the requests, in order.
        left: set when somebody hung up on an answer under way.
    """

    def __init__(self):
        self.bodies = []
        self.left = threading.Event()
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request):
        body = json.loads(await request.body())
        self.bodies.append(body)
        said = body["messages"][-1]["content"]
        if said == "busy":
            error = {"message": f"slow down, {SECRET}", "code": "rate_limit_exceeded"}
            return JSONResponse({"error": error}, 429, {"retry-after-ms": "300"})
        if said == "long":
            error = {
                "message": f"{SECRET} at {request.url} has a context length of 10 tokens",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            }
            return JSONResponse({"error": error}, 400)
        if said == "slow":
            return StreamingResponse(self._slow(), media_type="text/event-stream")
        choices = [_choice(at, body) for at in range(body.get("n") or 1)]
        whole = {"id": "c", "object": "chat.completion", "created": 1, "model": SECRET}
        if not body.get("stream"):
            return JSONResponse({**whole, "choices": choices, "usage": USAGE})
        return StreamingResponse(
            _events({**whole, "object": "chat.completion.chunk"}, choices, said),
            media_type="text/event-stream",
        )

    async def _slow(self):
        try:
            for _ in range(1000):
                yield _event({"choices": [{"index": 0, "delta": {"content": "w "}}]})
                await asyncio.sleep(0.01)
        finally:
            self.left.set()


def _choice(at, body):
    """A choice of whichever kind the request asks for."""
    message = {"role": "assistant", "content": "".join(WORDS)}
    finish = "stop"
    parts = body["messages"][-1]["content"]
    if isinstance(parts, list):
        kinds = [it["type"] for it in parts]
        message["content"] = " ".join(kinds)
    if (wanted := body.get("response_format", {}).get("json_schema")) is not None:
        message["content"] = json.dumps({"answer": 4, "schema": wanted["name"]})
    if tools := body.get("tools"):
        finish, message["content"] = "tool_calls", None
        message["tool_calls"] = [
            {
                "id": f"call-{k}",
                "type": "function",
                "function": {
                    "name": tools[0]["function"]["name"],
                    "arguments": json.dumps({"city": city}),
                },
            }
            for k, city in enumerate(("Rome", "Oslo") if parts == "both" else ("Rome",))
        ]
    choice = {"index": at, "message": message, "finish_reason": finish}
    if body.get("logprobs"):
        top = [{"token": "Two ", "logprob": -0.25, "bytes": None}]
        choice["logprobs"] = {
            "content": [
                {"token": word, "logprob": -0.25, "bytes": None, "top_logprobs": top}
                for word in WORDS
            ]
        }
    return choice


async def _events(head, choices, said):
    """The choices word by word, and tool calls in two halves."""
    for choice in choices:
        message = choice["message"]
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in (message["content"] or "").split(" ") if word]
        for at, call in enumerate(message.get("tool_calls", ())):
            arguments = call["function"]["arguments"]
            opening = {**call, "function": {**call["function"], "arguments": arguments[:4]}}
            deltas.append({"tool_calls": [{"index": at, **opening}]})
            rest = {"index": at, "function": {"arguments": arguments[4:]}}
            deltas.append({"tool_calls": [rest]})
        for delta in deltas:
            yield _event({**head, "choices": [_piece(choice, delta)]})
        ending = {**_piece(choice, {}), "finish_reason": choice["finish_reason"]}
        yield _event({**head, "choices": [ending]})
    if said == "breaks":
        return
    yield _event({**head, "choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


def _piece(choice, delta):
    return {"index": choice["index"], "delta": delta, "finish_reason": None}


def _event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


@contextmanager
def service(folder, patch, provider, budgets=""):
    """The service before the provider; gives its address.

    Args:
        folder: for its policy, catalogue and log.
        patch: of pytest, for the environment.
        budgets: TOML; empty for none, and then nobody says who asks.
    """
    with serving(provider.app) as url:
        model = Model(
            deployments=(Deployment(url, SECRET),),
            input_usd_per_mtok=1.0,
            output_usd_per_mtok=10.0,
        )
        document = Document(
            name="one",
            policy=to_wire(Fixed("a")),
            candidates=("a",),
            catalogue=Catalogue({"a": model}),
        )
        path = write(folder / "one.policy", document, "# one\n").path
        models = folder / "models.toml"
        models.write_text(
            "[models.a]\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 10.0\n"
            f'[[models.a.deployments]]\nbase_url = "{url}"\nmodel = "{SECRET}"\n'
            "[engine.retry]\nmost = 0\n",
            encoding="utf-8",
        )
        (folder / "budgets.toml").write_text(budgets, encoding="utf-8")
        for name, value in (
            ("POLICY", path),
            ("MODELS", models),
            ("LOG", folder / "log"),
            ("BUDGETS", folder / "budgets.toml" if budgets else ""),
            ("PROXY", "127.0.0.1" if budgets else ""),
        ):
            patch.setenv(name, str(value))
        app = runpy.run_path(str(PROJECT / "examples" / "service.py"))["create"]()
        with serving(app) as served:
            yield served
