"""Every way into a gateway, each asked the same way: the conformance suite runs over all of them.

A further entry is a function of this form and a line in `ANSWERING` or `DECIDING`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import grpc
import numpy as np
from queue_entries import QUEUES
from serve_world import CHAT, Running, asking, prompt
from websockets.sync.client import connect

from routelab.logs import Log
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.events import EventParser
from routelab.serve import RefusedError
from routelab.serve.batch import BatchInput, BatchOutput, BatchRun
from routelab.serve.callers import NOBODY
from routelab.serve.grpc import RouterStub
from routelab.serve.grpc import router_pb2 as pb

RESPONSES = "/v1/responses"


class Told(NamedTuple):
    """What came of a request, by whichever entry.

    Attributes:
        code: of a failure; None of an answer.
        choices: of the answer.
        calls: models that were asked.
        cost_usd: of all calls.
        policy: that decided.
    """

    code: str | None
    choices: Any = None
    calls: tuple[str, ...] = ()
    cost_usd: float | None = None
    policy: str = ""


TRACE: dict[str, str] = {}
"""Headers of the trace that every entry is asked in; empty for none."""

UNTRACED = ("batch", "library")
"""Entries whose requests have no place for such headers."""


@contextmanager
def within_trace(**headers: str) -> Iterator[None]:
    """Ask within a trace."""
    TRACE.update(headers)
    try:
        yield
    finally:
        TRACE.clear()


Answering: TypeAlias = Callable[[Running, Mapping[str, Any], str, Path], Told]


def _answered(body: Mapping[str, Any]) -> Told:
    """What a chat completion says."""
    if "error" in body:
        return Told(body["error"]["code"])
    told = body["routelab"]
    calls = tuple(it["model"] for it in told["calls"])
    return Told(None, body["choices"], calls, told["cost_usd"], told["policy"])


def plain(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    reply = gateway.client.post(CHAT, json=body, headers={"x-request-id": key, **TRACE})
    assert (reply.status_code == 200) == ("error" not in reply.json())
    return _answered(reply.json())


def streamed(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    asked = {**body, "stream": True}
    reply = gateway.client.post(CHAT, json=asked, headers={"x-request-id": key, **TRACE})
    if reply.status_code != 200:
        return _answered(reply.json())
    *events, done = EventParser().feed(reply.content)
    assert done.data == b"[DONE]"
    assembly, last = Assembly(), {}
    for event in events:
        last = json.loads(event.data)
        assembly.add(last)
    return _answered({**assembly.body(), "routelab": last["routelab"]})


def _asked_as_response(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body of chat completions as one of responses."""
    rest = {name: value for name, value in body.items() if name != "messages"}
    return {"input": body["messages"], **rest}


def _answered_response(body: Mapping[str, Any]) -> Told:
    """What a response says, its output as the choice that it was."""
    if body.get("error"):
        return Told(body["error"]["code"])
    told = body["routelab"]
    calls = tuple(it["model"] for it in told["calls"])
    (item,) = body["output"]
    (part,) = item["content"]
    choices = [{"message": {"role": item["role"], "content": part["text"]}}]
    return Told(None, choices, calls, told["cost_usd"], told["policy"])


def response(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    asked = _asked_as_response(body)
    reply = gateway.client.post(RESPONSES, json=asked, headers={"x-request-id": key, **TRACE})
    return _answered_response(reply.json())


def streamed_response(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    asked = {**_asked_as_response(body), "stream": True}
    reply = gateway.client.post(RESPONSES, json=asked, headers={"x-request-id": key, **TRACE})
    if reply.status_code != 200:
        return _answered_response(reply.json())
    events = [json.loads(it.data) for it in EventParser().feed(reply.content)]
    assert [it["sequence_number"] for it in events] == [*range(len(events))]
    deltas = [it["delta"] for it in events if it["type"] == "response.output_text.delta"]
    told = _answered_response(events[-1]["response"])
    assert told.choices[0]["message"]["content"] == "".join(deltas)
    return told


def batch(gateway: Running, body: Mapping[str, Any], key: str, folder: Path) -> Told:
    line = {"custom_id": key, "method": "POST", "url": CHAT, "body": body}
    (folder / "in.jsonl").write_text(json.dumps(line), encoding="utf-8")
    out = folder / "out.jsonl", folder / "errors.jsonl"
    for path in out:
        path.unlink(missing_ok=True)
    with BatchOutput(*out) as output:
        run = BatchRun(gateway.service.gateway, BatchInput(folder / "in.jsonl"), output)
        asyncio.run_coroutine_threadsafe(run.run(), gateway.loop).result(60.0)
    (found,) = (json.loads(it) for path in out for it in path.read_bytes().splitlines())
    return _answered(found["response"]["body"])


def library(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    async def asked() -> Told:
        try:
            with gateway.service.gateway.admit("library", body, NOBODY, key) as visit:
                return _answered((await visit.answer()).body)
        except RefusedError as refusal:
            return _answered(refusal.body)

    return asyncio.run_coroutine_threadsafe(asked(), gateway.loop).result(60.0)


def _over_websocket(gateway: Running, body: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The frames of one request."""
    url = str(gateway.client.base_url).replace("http", "ws", 1) + "/v1/websocket"
    frames = []
    with connect(url, proxy=None) as connection:
        asked = {"type": "request", "id": "one", "request_id": key, "body": body, **TRACE}
        connection.send(json.dumps(asked))
        while not frames or frames[-1]["type"] not in ("answer", "done", "error"):
            frames.append(json.loads(connection.recv(60.0)))
            assert frames[-1]["id"] == "one"
    return frames


def websocket(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    *_, last = _over_websocket(gateway, body, key)
    return _answered(last if last["type"] == "error" else last["body"])


def streamed_websocket(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    *frames, last = _over_websocket(gateway, {**body, "stream": True}, key)
    if last["type"] == "error":
        return _answered(last)
    assembly = Assembly()
    chunks = [it["body"] for it in frames if it["type"] == "chunk"]
    for chunk in chunks:
        assembly.add(chunk)
    return _answered({**assembly.body(), "routelab": chunks[-1]["routelab"]})


def _queue(kind: str) -> Answering:
    """Asks by messages of a broker."""

    def ask(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
        return _answered(QUEUES[kind].ask(gateway, body, key, TRACE))

    return ask


@contextmanager
def router_stub(gateway: Running) -> Iterator[RouterStub]:
    """A caller over gRPC."""
    with grpc.insecure_channel(f"127.0.0.1:{gateway.grpc_port}") as channel:
        yield RouterStub(channel)


def route_request(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The call that asks for the same as a body: in fields, where they have room for it."""
    fields = {"model", "messages", "needs"}
    if fields >= body.keys() and isinstance(body["messages"], list):
        request = pb.RouteRequest(**body)
    else:
        request = pb.RouteRequest(body=json.dumps(body))
    return {
        "request": request,
        "metadata": (("x-request-id", key), *TRACE.items()),
        "timeout": 60.0,
    }


def _failed_call(error: grpc.RpcError) -> Told:
    metadata = dict(error.trailing_metadata())
    assert error.details()
    return Told(metadata["x-routelab-code"])


def over_grpc(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    with router_stub(gateway) as stub:
        try:
            reply = stub.Route(**route_request(body, key))
        except grpc.RpcError as error:
            return _failed_call(error)
    told = _answered(json.loads(reply.body))
    calls = tuple(it.model for it in reply.calls)
    text = told.choices[0]["message"]["content"]
    assert (told.calls, told.cost_usd, told.policy) == (calls, reply.cost_usd, reply.policy)
    assert (reply.text, reply.decision, reply.model) == (text, key, calls[-1])
    return told


def streamed_grpc(gateway: Running, body: Mapping[str, Any], key: str, _: Path) -> Told:
    with router_stub(gateway) as stub:
        try:
            pieces = list(stub.Stream(**route_request(body, key)))
        except grpc.RpcError as error:
            return _failed_call(error)
    assembly = Assembly()
    for piece in pieces:
        assembly.add(json.loads(piece.body))
    told = _answered({**assembly.body(), "routelab": json.loads(pieces[-1].body)["routelab"]})
    assert [piece.HasField("end") for piece in pieces] == [*[False] * (len(pieces) - 1), True]
    assert "".join(piece.text for piece in pieces) == told.choices[0]["message"]["content"]
    assert tuple(it.model for it in pieces[-1].end.calls) == told.calls
    return told


ANSWERING: Mapping[str, Answering] = {
    "plain": plain,
    "streamed": streamed,
    "response": response,
    "streamed response": streamed_response,
    "batch": batch,
    "library": library,
    "websocket": websocket,
    "streamed websocket": streamed_websocket,
    **{kind: _queue(kind) for kind in QUEUES},
    "grpc": over_grpc,
    "streamed grpc": streamed_grpc,
}
"""Entries that answer."""

Deciding: TypeAlias = Callable[[Running, Log, int, str], tuple[str, ...]]


def _reported(log: Log, row: int, model: str) -> dict[str, Any]:
    """What the log knows of a call, as whoever made it reports it."""
    column = log.models.index(model)
    failed = log.error is not None and bool(log.error[row, column])
    if failed:
        return {"error": "it failed", "cost_usd": 0.0}
    (text,) = log.texts.responses(np.array([row]), model)
    message = {"role": "assistant", "content": text}
    signals = {name: float(it[row, column]) for name, it in log.signals.items()}
    return {"response": {"choices": [{"index": 0, "message": message}]}, "signals": signals}


def decision(gateway: Running, log: Log, row: int, policy: str) -> tuple[str, ...]:
    key = str(log.requests.id[row])
    body: dict[str, Any] = {
        "input_format": "openai_chat",
        "request": asking(prompt(log, row), model=f"routelab/{policy}"),
    }
    calls: list[str] = []
    while True:
        headers = {"x-request-id": key, **TRACE}
        told = gateway.client.post("/v1/decision", json=body, headers=headers).json()["routelab"]
        if told["action"] == "deliver":
            return tuple(calls)
        (call,) = told["calls"]
        calls.append(call["model"])
        if call["final"]:
            return tuple(calls)
        body |= {"token": told["token"], "outcomes": [_reported(log, row, call["model"])]}


def route(gateway: Running, log: Log, row: int, policy: str) -> tuple[str, ...]:
    key, calls = str(log.requests.id[row]), []
    messages = asking(prompt(log, row))["messages"]
    body = {"route_id": key, "strategy": policy, "messages": messages}
    told = gateway.client.post("/route", json=body, headers=TRACE).json()
    while told["action"] == "call":
        calls.append(told["selected_roster_id"])
        outcome = {"route_id": key, **_reported(log, row, calls[-1])}
        told = gateway.client.post("/outcome", json=outcome).json()
    return tuple(calls)


def decision_grpc(gateway: Running, log: Log, row: int, policy: str) -> tuple[str, ...]:
    asked = asking(prompt(log, row), model=f"routelab/{policy}")
    request = pb.DecideRequest(request=pb.RouteRequest(**asked))
    key, calls = str(log.requests.id[row]), []
    metadata = (("x-request-id", key), *TRACE.items())
    with router_stub(gateway) as stub:
        while True:
            reply = stub.Decide(request, metadata=metadata, timeout=60.0)
            if reply.action == "deliver":
                assert reply.deliver_model == calls[reply.deliver_call]
                return tuple(calls)
            (call,) = reply.calls
            assert reply.targets[0].target == call.model
            assert reply.propensity == 1.0
            calls.append(call.model)
            if call.final:
                return tuple(calls)
            outcome = _reported(log, row, call.model)
            if "response" in outcome:
                outcome["response"] = json.dumps(outcome["response"])
            del request.outcomes[:]
            request.token = reply.token
            request.outcomes.add(**outcome)


DECIDING: Mapping[str, Deciding] = {
    "decision": decision,
    "route": route,
    "decision grpc": decision_grpc,
}
"""Entries of decisions alone."""
