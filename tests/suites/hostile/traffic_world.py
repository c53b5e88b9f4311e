"""Replies of endpoints and requests of callers, as files: what is sent, and what reads it."""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import httpx

from routelab.core import SignalSpec
from routelab.core.catalogue import (
    Catalogue,
    Deployment,
    EngineRules,
    Model,
    RetryRules,
    catalogue_file,
)
from routelab.errors import RequestError
from routelab.gates import JsonSchema, NonEmpty
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, PolicyFile, write
from routelab.runtime import AsyncRouter, OpenReply, Reply, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets
from routelab.serve import EventLog, GatewayApp, Service

Files = dict[str, bytes]

CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOP = [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -2.0}]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": TOP}]}
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {}, "cost": 0.01}
WHOLE = {
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": '{"a": 1}',
            },
            "finish_reason": "stop",
            "logprobs": LOGPROBS,
        }
    ],
    "usage": USAGE,
    "routelab": {"signals": {"sure": 0.7}},
}
PIECES = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"index": 0, "delta": {"content": '{"a"'}, "logprobs": LOGPROBS}]},
    {"choices": [{"index": 0, "delta": {"content": ": 1}", "tool_calls": [CALL]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]
ERROR = {"error": {"message": "no", "type": "invalid_request_error", "code": "context_length"}}
JSON, EVENTS = "application/json", "text/event-stream"
PACKING: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


def _files(body: bytes, media: str, status: int = 200, packing: str = "") -> Files:
    headers = {"content-type": media, **({"content-encoding": packing} if packing else {})}
    head = {"status": status, "headers": headers}
    return {"head.json": json.dumps(head).encode(), "body": PACKING[packing](body)}


def _events(pieces: list[Any]) -> bytes:
    return (
        b"".join(b"data: %b\n\n" % json.dumps(it).encode() for it in pieces) + b"data: [DONE]\n\n"
    )


def reply_seeds() -> list[Files]:
    whole = json.dumps(WHOLE).encode()
    return [
        *(_files(whole, JSON, packing=it) for it in PACKING),
        *(_files(_events(PIECES), EVENTS, packing=it) for it in PACKING),
    ]


def worse_reply(
    rng: Random,
    files: Files,
    worse_json: Callable[[Random, Any], Any],
    worse_bytes: Callable[[Random, bytes], bytes],
) -> Files:
    """Other values, other bytes, before they are packed or after, or another head."""
    packing, stream = rng.choice([*PACKING]), rng.random() < 0.5
    status = rng.choice((200, 200, 200, 400, 429, 500, 204, 302))
    said = WHOLE if status == 200 else ERROR
    if rng.random() < 0.7:
        body = _events(worse_json(rng, PIECES)) if stream else b""
        body = body or json.dumps(worse_json(rng, said)).encode()
    else:
        body = worse_bytes(rng, _events(PIECES) if stream else json.dumps(said).encode())
    made = _files(body, EVENTS if stream else JSON, status, packing)
    if rng.random() < 0.2:
        made["body"] = worse_bytes(rng, made["body"])
    if rng.random() < 0.1:
        head = worse_json(rng, json.loads(made["head.json"]))
        made["head.json"] = json.dumps(head).encode()
    return made


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


class _Cut(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), 97):
            yield self._body[at : at + 97]


@cache
def _world() -> tuple[PolicyFile, Catalogue, Path]:
    folder = Path(tempfile.mkdtemp(prefix="routelab-traffic-"))
    at = (Deployment("http://upstream.test/v1", "m"),)
    prices = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
    rules = EngineRules(retry=RetryRules(most=0))
    first = Model(deployments=at, cost_reported=True, **prices)
    catalogue = Catalogue({"first": first, "last": Model(deployments=at, **prices)}, rules)
    document = Document(
        name="mine",
        policy=to_wire(Cascade(("first", "last"), (0.5,), "sure")),
        candidates=("first", "last"),
        catalogue=catalogue,
        signals={"sure": SignalSpec()},
    )
    file = write(folder / "mine.policy", document, "# mine\n")
    (folder / "models.toml").write_text(catalogue_file.text(catalogue.models), encoding="utf-8")
    return file, catalogue, folder


def use_reply(folder: Path) -> None:
    """Ask an endpoint that replies so; what was reserved is given back."""
    head = json.loads((folder / "head.json").read_bytes())
    body = (folder / "body").read_bytes()

    stream = EVENTS in str(head)
    unsure = {**WHOLE, "routelab": {"signals": {"sure": 0.1}}}

    def reply(request: httpx.Request) -> httpx.Response:
        if stream and b'"stream":true' not in request.content:
            return httpx.Response(200, json=unsure)  # so that the last model is asked
        try:
            status, headers = int(head["status"]), httpx.Headers(head["headers"])
        except (KeyError, LookupError, TypeError, ValueError) as error:  # none can be sent
            raise httpx.RemoteProtocolError(repr(error)) from None
        return httpx.Response(status, headers=headers, stream=_Cut(body))

    file, catalogue, _ = _world()
    config = RouterConfig(
        transport=httpx.MockTransport(reply),
        gates=() if stream else (NonEmpty(), JsonSchema(SCHEMA)),
        budgets=Budgets(all=BudgetRule(1e6)),
        timeout_s=5.0,
        quiet=True,
    )

    async def ask() -> None:
        async with AsyncRouter(file, catalogue, config) as router:
            try:
                if stream:
                    async with router.stream("hi", max_tokens=5) as answer:
                        async for _ in answer:
                            pass
                else:
                    await router.route("hi", max_tokens=5)
            finally:
                snapshot = await router.snapshot()
                assert [it.reserved_usd for it in snapshot.budgets] == [0.0]
                pools = router.engine.pools.values()
                assert not any(it.in_flight for pool in pools for it in pool.states)

    asyncio.run(ask())


ASKED: dict[str, Any] = {
    "/v1/chat/completions": {
        "model": "routelab/mine",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "needs": ["tools"],
        "deadline_s": 5,
    },
    "/v1/decision": {
        "input_format": "openai_chat",
        "request": {"messages": [{"role": "user", "content": "hi"}]},
    },
    "/route": {"route_id": "1", "messages": [{"role": "user", "content": "hi"}], "task": "maths"},
    "/outcome": {"route_id": "1", "outcomes": [{"response": WHOLE, "signals": {"sure": 0.1}}]},
    "/v1/feedback": {"decision": "1", "quality": 0.5, "model": "first"},
}


def request_seeds() -> list[Files]:
    return [
        {"path": path.encode(), "body": json.dumps(body).encode(), "headers.json": b"{}"}
        for path, body in ASKED.items()
        if path not in ("/outcome", "/v1/feedback")  # which name what was decided before
    ]


def worse_request(
    rng: Random,
    files: Files,
    worse_json: Callable[[Random, Any], Any],
    worse_bytes: Callable[[Random, bytes], bytes],
) -> Files:
    path = rng.choice([*ASKED])
    body = json.dumps(ASKED[path]).encode()
    if rng.random() < 0.7:
        body = json.dumps(worse_json(rng, ASKED[path])).encode()
    else:
        body = worse_bytes(rng, body)
    headers = {"x-request-id": "7", "authorization": "Bearer x", "content-length": str(len(body))}
    if rng.random() < 0.2:
        name = rng.choice([*headers])
        headers[name] = worse_bytes(rng, headers[name].encode()).decode("latin-1")
    return {"path": path.encode(), "body": body, "headers.json": json.dumps(headers).encode()}


class _Endpoint:
    async def send(self, outgoing: Any) -> Reply:
        return Reply(200, json.loads(json.dumps(WHOLE)))

    @asynccontextmanager
    async def stream(self, outgoing: Any) -> AsyncIterator[OpenReply]:
        async def chunks() -> AsyncIterator[bytes]:
            yield _events(PIECES)

        yield OpenReply(200, chunks(), {"content-type": EVENTS})

    def hide(self, deployment: Deployment, text: str) -> str:
        return text


def use_request(folder: Path) -> None:
    """Ask a gateway; what it refuses is told as an error of a request."""
    path, body = (folder / "path").read_text(), (folder / "body").read_bytes()
    said = json.loads((folder / "headers.json").read_bytes())
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.items()]
    *_, place = _world()
    sent: list[Any] = []

    async def ask() -> None:
        service = Service(
            [place / "mine.policy"],
            place / "models.toml",
            events=EventLog(False, lambda _: None),
            upstream=_Endpoint(),
        )
        scope = {
            "type": "http",
            "path": path,
            "method": "POST",
            "query_string": b"",
            "headers": headers,
        }
        told = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            if (message := next(told, None)) is None:
                await asyncio.sleep(60.0)
            return message

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            async with asyncio.timeout(30.0):
                await GatewayApp(service)(scope, receive, send)
        finally:
            await service.aclose()

    asyncio.run(ask())
    status = sent[0]["status"]
    content = b"".join(it.get("body", b"") for it in sent[1:])
    if status >= 400:
        error = json.loads(content)["error"]
        assert error["message"]
        assert status != 500, error
        raise RequestError(error["message"])
