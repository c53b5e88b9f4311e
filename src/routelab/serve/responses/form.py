"""One request for a response: read, asked as a chat completion, and answered as a response."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from routelab.serve.account import known
from routelab.serve.gateway import OURS, ChatVisit, GatewayAnswer
from routelab.serve.refusal import RefusedError
from routelab.serve.responses.events import ResponseEvents
from routelab.serve.responses.fields import MAPPED, read_fields
from routelab.serve.responses.items import ItemReader
from routelab.serve.responses.nested_fields import read_reasoning, read_text, read_tools
from routelab.serve.responses.output import Ended, ended, usage_of
from routelab.serve.responses.problems import RequestProblems

_ENDS = {"completed": "response.completed", "incomplete": "response.incomplete"}


class ResponsesForm:
    """A request in the protocol of `/v1/responses`, and what is said to it.

    Attributes:
        chat: the chat completion that is asked for.

    Args:
        body: of the request.
    Raises:
        RefusedError: it is malformed, or asks for what no chat completion has; names everything.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        said = {name: value for name, value in body.items() if value is not None}
        self.chat: Mapping[str, Any] = _chat(said)
        self._asked = said
        self._created_at = int(time.time())
        self._name = ""
        self._model = said.get("model", "")
        self._events: ResponseEvents | None = None

    def whole(self, visit: ChatVisit, answer: GatewayAnswer) -> dict[str, Any]:
        """A complete answer."""
        self._begin(visit)
        found = ended(answer.body, self._name)
        return self._ended(answer.body, found, list(found.items.values()))

    async def events(self, visit: ChatVisit) -> AsyncGenerator[bytes, None]:
        """An answer as events, of which the first come once there is something of it.

        Raises:
            RefusedError: there is no answer, or it broke off.
        """
        self._begin(visit)
        self._events = events = ResponseEvents(self._name)
        account: object = None
        begun = False
        async with aclosing(visit.pieces()) as pieces:
            async for piece in pieces:
                if not begun:
                    begun, self._model = True, _model_of(piece) or self._model
                    for kind in ("response.created", "response.in_progress"):
                        yield events.event(kind, response=self._response("in_progress", []))
                account = piece.get(OURS)
                for event in events.take(piece):
                    yield event
        assert visit.routed is not None  # the pieces ended
        body = {**visit.routed.raw, OURS: account}
        found = ended(body, self._name)
        for event in events.close(found):
            yield event
        told = self._ended(body, found, events.output(found))
        yield events.event(_ENDS[found.status], response=told)

    def broken(self, refusal: RefusedError) -> bytes:
        """The last event of an answer that broke off."""
        assert self._events is not None  # it began
        kind = "rate_limit_exceeded" if refusal.status == 429 else "server_error"
        told = self._response("failed", self._events.partial())
        told["error"] = {
            "code": "invalid_prompt" if refusal.status == 400 else kind,
            "message": refusal.message,
        }
        told[OURS] = {
            "error": refusal.body["error"],
            "cost_usd": known(refusal.cost_usd),
            "calls": refusal.calls,
        }
        return self._events.event("response.failed", response=told)

    def _begin(self, visit: ChatVisit) -> None:
        """Name the response after the decision, whatever characters that has."""
        self._name = hashlib.sha256(visit.id.encode(errors="surrogatepass")).hexdigest()[:32]

    def _ended(
        self, body: Mapping[str, Any], found: Ended, output: list[dict[str, Any]]
    ) -> dict[str, Any]:
        self._model = _model_of(body) or self._model
        told = self._response(found.status, output)
        if found.status == "completed":
            told["completed_at"] = int(time.time())
        if found.reason is not None:
            told["incomplete_details"] = {"reason": found.reason}
        told["usage"] = usage_of(body)
        if isinstance(tier := body.get("service_tier"), str):
            told["service_tier"] = tier
        told[OURS] = body[OURS]
        return told

    def _response(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        """A response with what was asked for, as the protocol repeats it."""
        asked = self._asked
        text = asked.get("text") or {}
        return {
            "id": f"resp_{self._name}",
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.get("instructions"),
            "model": self._model,
            "output": output,
            "previous_response_id": None,
            "reasoning": {"effort": (asked.get("reasoning") or {}).get("effort"), "summary": None},
            "store": False,
            "text": {**text, "format": text.get("format") or {"type": "text"}},
            "tool_choice": asked.get("tool_choice", "auto"),
            "tools": [_told_tool(it) for it in asked.get("tools", ())],
            "truncation": "disabled",
            "usage": None,
            **{name: asked.get(name, it.otherwise) for name, it in MAPPED.items()},
        }


def _chat(said: Mapping[str, Any]) -> dict[str, Any]:
    """The chat completion that asks for the same.

    Raises:
        RefusedError: there is none; names everything that stands against it.
    """
    problems = RequestProblems()
    chat: dict[str, Any] = {}
    for name, kind, write in (("model", str, "write a text"), ("stream", bool, "true or false")):
        if name in said:
            if not isinstance(said[name], kind):
                problems.wrong(name, said[name], write)
            chat[name] = said[name]
    chat |= read_fields(said, problems)
    items = ItemReader(problems)
    if "instructions" in said:
        text = problems.text("instructions", said["instructions"])
        items.messages.append({"role": "system", "content": text})
    items.read(said.get("input"))
    chat["messages"] = items.messages
    chat |= read_tools(said, problems)
    chat |= read_text(said.get("text", {}), problems)
    chat |= read_reasoning(said.get("reasoning", {}), problems)
    if chat.get("stream"):
        chat["stream_options"] = {"include_usage": True}
    if (refusal := problems.error()) is not None:
        raise refusal
    return chat


def _told_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as a response repeats it, with the fields that may be left out."""
    return {"parameters": None, "strict": None, **tool}


def _model_of(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    return model if isinstance(model, str) else ""
