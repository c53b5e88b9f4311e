"""What a gateway says and is told over HTTP, as messages of `router.proto`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from routelab.runtime import encode_json
from routelab.serve.chat_request import decode_body
from routelab.serve.grpc import router_pb2 as pb
from routelab.serve.refusal import RefusedError, malformed

_PLAIN = ("model", "task", "priority")


async def chat_body(
    request: pb.RouteRequest, depth: int, deadline_s: float | None
) -> dict[str, Any]:
    """The body of `/v1/chat/completions` that asks for the same.

    Args:
        request: as it came.
        depth: of lists and objects in each other that JSON in it may have.
        deadline_s: seconds until the caller waits no longer; None without end.
    Raises:
        RefusedError: JSON in it is none, or fields contradict each other.
    """
    named = [it.name for it, _ in request.ListFields() if it.name != "body"]
    if request.body:
        if named:
            raise malformed(
                [("body", f"body takes the place of all fields: leave {', '.join(named)} out")]
            )
        body = await _decoded("body", request.body, depth)
    else:
        body = await _decoded("parameters", request.parameters, depth) if request.parameters else {}
        told = {name: value for name in _PLAIN if (value := getattr(request, name))}
        told["messages"] = [await _message(at, it, depth) for at, it in enumerate(request.messages)]
        if request.needs:
            told["needs"] = list(request.needs)
        if request.HasField("max_cost_usd"):
            told["max_cost_usd"] = request.max_cost_usd
        if twice := sorted(body.keys() & told.keys()):
            raise malformed(
                [("parameters", f"parameters: {', '.join(twice)} has a field of the message")]
            )
        body |= told
    if deadline_s is not None:
        own = body.get("deadline_s")
        body["deadline_s"] = min(deadline_s, own) if isinstance(own, int | float) else deadline_s
    return body


def route_reply(
    account: Mapping[str, Any], choices: list[Any] | None = None, body: bytes = b""
) -> pb.RouteReply:
    """An answer, and what it took.

    Args:
        account: the `routelab` object of the chat completion.
        choices: of it; None at the end of a stream.
        body: all of it as JSON.
    """
    calls = [
        pb.CallMade(
            model=it["model"],
            cost_usd=it["cost_usd"],
            latency_s=it["latency_s"],
            failed=it.get("failed", False),
            rejected=it.get("rejected", ()),
            signals={
                name: math.nan if value is None else value
                for name, value in it.get("signals", {}).items()
            },
            threshold=it.get("threshold"),
        )
        for it in account["calls"]
    ]
    usage = account["usage"]
    return pb.RouteReply(
        decision=account["decision"],
        policy=account["policy"],
        model=account["model"],
        text=_text(choices or [], "message"),
        cost_usd=account["cost_usd"],
        calls=calls,
        usage=pb.Usage(
            prompt_tokens=usage["prompt_tokens"], completion_tokens=usage["completion_tokens"]
        ),
        body=body.decode(),
    )


def route_piece(chunk: Mapping[str, Any], account: Mapping[str, Any] | None) -> pb.RoutePiece:
    """A chunk of an answer.

    Args:
        chunk: as it would be sent over HTTP.
        account: its `routelab` object, which the last one has.
    """
    return pb.RoutePiece(
        text=_text(chunk.get("choices") or [], "delta"),
        body=encode_json(chunk).decode(),
        end=None if account is None else route_reply(account),
    )


async def decision_body(request: pb.DecideRequest, depth: int) -> dict[str, Any]:
    """The body of `/v1/decision` that asks for the same.

    Raises:
        RefusedError: JSON in it is none, or fields contradict each other.
    """
    body: dict[str, Any] = {"request": await chat_body(request.request, depth, None)}
    if not body["request"].get("messages", True):
        del body["request"]["messages"]  # a policy may read none
    if request.token:
        body["token"] = request.token
    if request.outcomes:
        body["outcomes"] = [await _outcome(at, it, depth) for at, it in enumerate(request.outcomes)]
    return body


def decide_reply(said: Mapping[str, Any]) -> pb.DecideReply:
    """A decision as `/v1/decision` answers it."""
    ours = said["routelab"]
    deliver = ours.get("deliver") or {}
    targets = [
        pb.Target(
            target=it["target"],
            model=it["model"],
            base_url=it["llm_client"]["base_url"],
            extra_body=encode_json(it["extra_body"]).decode(),
        )
        for it in (said["selected"], *said["fallbacks"])
    ]
    calls = [
        pb.CallToMake(model=it["model"], need=it["need"], final=it["final"])
        for it in ours.get("calls", ())
    ]
    return pb.DecideReply(
        decision=ours["decision"],
        policy=ours["policy"],
        policy_sha256=ours["policy_sha256"],
        action=ours["action"],
        calls=calls,
        until=ours.get("until", ""),
        propensity=ours.get("propensity"),
        targets=targets,
        token=ours.get("token", ""),
        deliver_call=deliver.get("call"),
        deliver_model=deliver.get("model", ""),
        body=encode_json(said).decode(),
    )


def feedback_body(request: pb.FeedbackRequest) -> dict[str, Any]:
    """The body of `/v1/feedback` that says the same."""
    body: dict[str, Any] = {"decision": request.decision}
    if request.HasField("quality"):
        body["quality"] = request.quality
    return body | {name: value for name in ("model", "source") if (value := getattr(request, name))}


async def _message(at: int, message: pb.ChatMessage, depth: int) -> dict[str, Any]:
    if not message.json:
        return {"role": message.role, "content": message.content}
    if message.role or message.content:
        place = f"messages[{at}].json"
        raise malformed([(place, f"{place} takes the place of role and content: leave them out")])
    return await _decoded(f"messages[{at}].json", message.json, depth)


async def _outcome(at: int, outcome: pb.Outcome, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: value for name in ("error", "model") if (value := getattr(outcome, name))
    }
    if outcome.response:
        found["response"] = await _decoded(f"outcomes[{at}].response", outcome.response, depth)
    if outcome.signals:
        found["signals"] = dict(outcome.signals)
    found |= {
        name: getattr(outcome, name) for name in ("cost_usd", "latency_s") if outcome.HasField(name)
    }
    return found


async def _decoded(field: str, text: str, depth: int) -> dict[str, Any]:
    try:
        return await decode_body(text.encode(), depth)
    except RefusedError as refusal:
        raise RefusedError(
            400, f"{field}: {refusal.message}", refusal.code, param=field
        ) from refusal


def _text(choices: list[Any], of: str) -> str:
    """Of the first choice."""
    for choice in choices:
        if isinstance(choice, Mapping) and not choice.get("index"):
            content = (choice.get(of) or {}).get("content")
            return content if isinstance(content, str) else ""
    return ""
