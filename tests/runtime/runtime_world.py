"""Endpoints, logs and policy directories for the tests of the runtime."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import contextmanager
from zlib import crc32

import httpx
import numpy as np
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.core.catalogue.engine_rules import EngineRules, RetryRules
from routelab.core.signal_spec import SignalSpec
from routelab.logs.formats.texts import TextsInMemory
from routelab.logs.model.log import Log, Requests
from routelab.policies import to_wire
from routelab.policy_file import Document, write


def policy_file(path, policy, catalogue, signals=None, seed=0, **more):
    specs = {name: SignalSpec() for name in policy.signals_used} | (signals or {})
    document = Document(
        name="test",
        policy=to_wire(policy),
        candidates=policy.models_used,
        catalogue=catalogue,
        signals=specs,
        seed=seed,
        **more,
    )
    return write(path / "test.policy", document, "# test\n")


PRICES = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 8.0}
NO_PRICES = dict.fromkeys(PRICES)


def model(*behaviours, **facts):
    """A model whose deployments behave so, one after the other."""
    at = [Deployment(f"http://upstream.test/{name}/v1", f"{name}-name") for name in behaviours]
    return Model(deployments=tuple(at), **{**PRICES, **facts})


IN_ORDER = EngineRules(balancing="in_order", retry=RetryRules(most=0))
"""Deployments are asked as listed, and each but once."""


def catalogue(**models):
    return Catalogue(models, IN_ORDER)


def token_logprob(token, index):
    return -(crc32(f"{index}/{token}".encode()) % 9973 + 1) / 1234.5


def token_margin(token, index):
    return (crc32(f"{token}/{index}".encode()) % 997 + 1) / 431.7


def completion(text, *, model="", tops=2, logprobs=False, **more):
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    if logprobs:
        choice["logprobs"] = {"content": [_token(t, i, tops) for i, t in enumerate(text.split())]}
    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    return {"model": model, "choices": [choice], "usage": usage, **more}


def _token(token, index, tops):
    first = token_logprob(token, index)
    ranked = [first - rank * token_margin(token, index) for rank in range(tops)]
    listed = [{"token": f"alternative {r}", "logprob": value} for r, value in enumerate(ranked)]
    return {"token": token, "logprob": first, "top_logprobs": listed[::-1]}


class Endpoint:
    """An upstream whose behaviour is the first part of the address; remembers what it saw."""

    def __init__(self):
        self.seen = []
        app = Starlette(
            routes=[Route("/{behaviour}/v1/chat/completions", self._answer, methods=["POST"])]
        )
        self.transport = httpx.ASGITransport(app)

    @property
    def behaviours(self):
        return [seen["behaviour"] for seen in self.seen]

    async def _answer(self, request):
        behaviour = request.path_params["behaviour"]
        body = json.loads(await request.body())
        count = sum(name == behaviour for name in self.behaviours)
        self.seen.append({"behaviour": behaviour, "body": body, "headers": dict(request.headers)})
        return await getattr(self, behaviour)(body, count)

    async def good(self, body, count):
        said = body["messages"][-1]["content"]
        tops = body.get("top_logprobs", 0)
        return reply(completion(said, tops=tops, logprobs=body.get("logprobs", False)))

    async def priced(self, body, count):
        answer = completion("priced")
        answer["usage"]["cost"] = 0.123
        return reply(answer)

    async def plain(self, body, count):
        return reply(completion("plain"))

    async def scored(self, body, count):
        return reply(completion("scored", routelab={"signals": {"score": 0.75}}))

    async def bare(self, body, count):
        return reply({"choices": [{"message": {"content": "bare"}}]})

    async def varied(self, body, count):
        return reply(completion(["Yes,  it is ", "no", "yes, IT is", "maybe"][count % 4]))

    async def flaky(self, body, count):
        return await (self.varied(body, 0) if count == 0 else self.broken(body, count))

    async def broken(self, body, count):
        return reply({"error": {"message": "boiler on fire"}}, 500)

    async def unknown(self, body, count):
        return reply({"error": {"message": "no such model"}}, 404)

    async def charged(self, body, count):
        return reply({"error": {"message": "stopped"}, "usage": {"cost": 0.5}}, 503)

    async def billed(self, body, count):
        usage = {"prompt_tokens": 1000, "completion_tokens": 0}
        return reply({"error": {"message": "thought better of it"}, "usage": usage}, 503)

    async def busy(self, body, count):
        return reply({"error": {"message": "slow down"}}, 429)

    async def refusing(self, body, count):
        return reply({"error": {"message": "context too long"}}, 400)

    async def garbled(self, body, count):
        return Response("<html>gateway</html>", 200)

    async def deep(self, body, count):
        return Response("[" * 200_000, 200)

    async def empty(self, body, count):
        return reply({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 0}})

    async def asleep(self, body, count):
        await asyncio.sleep(3600)

    async def tools(self, body, count):
        call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return reply({**completion(""), "choices": [{"message": message}]})


def reply(value, status=200):
    return Response(json.dumps(value), status, media_type="application/json")


@contextmanager
def closed_port():
    """An address that refuses connections: bound, but nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


def logged(n, models=("small", "middle", "large"), *, seed=0, prompts=None, **changes):
    """A log with awkward costs, missing signals, repeated tasks and one signal that costs extra."""
    rng = np.random.default_rng(seed)
    shape = (n, len(models))
    signals = {"confidence": rng.random(shape), "free": rng.normal(size=shape)}
    signals["confidence"][rng.random(shape) < 0.1] = np.nan
    prompts = prompts or [f"question {row}" for row in range(n)]
    answers = {name: [f"{name} on {row}" for row in range(n)] for name in models}
    fields = {
        "requests": Requests(id=np.array([f"r{row}" for row in range(n)], dtype=object)),
        "models": tuple(models),
        "quality": rng.random(shape).round(),
        "cost_usd": rng.lognormal(size=shape) / 977.0,
        "latency_s": rng.lognormal(size=shape),
        "prompt_tokens": rng.integers(1, 99, shape).astype(float),
        "completion_tokens": rng.integers(1, 99, shape).astype(float),
        "error": np.zeros(shape, dtype=bool),
        "signals": signals,
        "specs": {"confidence": SignalSpec(multiplier=3.1), "free": SignalSpec(multiplier=1.0)},
        "texts": TextsInMemory(prompts, answers),
    }
    return Log(**{**fields, **changes})
