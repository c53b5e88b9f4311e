"""`/v1/chat/completions`, plain and streamed, and `/v1/models`, as OpenAI has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol, TypeAlias

from routelab.runtime.attempts import DONE, sse_event
from routelab.serve.account import answer_headers, decided_headers
from routelab.serve.chat_request import decode_body, header_said
from routelab.serve.config import GatewayLimits
from routelab.serve.gateway import ChatVisit, Gateway, GatewayAnswer
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.refusal import RefusedError

ENTRY = "chat"


class AnswerForm(Protocol):
    """A request for an answer in some protocol, and what is said to it in the same."""

    @property
    def chat(self) -> Mapping[str, Any]:
        """The chat completion that is asked for."""

    def whole(self, visit: ChatVisit, answer: GatewayAnswer) -> dict[str, Any]:
        """A complete answer."""

    def events(self, visit: ChatVisit) -> AsyncGenerator[bytes, None]:
        """An answer as events, as they are on the wire."""

    def broken(self, refusal: RefusedError) -> bytes:
        """The last event of an answer that broke off."""


ReadForm: TypeAlias = Callable[[dict[str, Any]], AnswerForm]
"""Reads the body of a request; refuses one that is malformed."""


class ChatForm:
    """A chat completion.

    Args:
        body: of the request.
    """

    def __init__(self, body: dict[str, Any]) -> None:
        self.chat: Mapping[str, Any] = body

    def whole(self, _: ChatVisit, answer: GatewayAnswer) -> dict[str, Any]:
        return answer.body

    async def events(self, visit: ChatVisit) -> AsyncGenerator[bytes, None]:
        async with aclosing(visit.pieces()) as pieces:
            async for piece in pieces:
                yield sse_event(piece)
        yield DONE

    def broken(self, refusal: RefusedError) -> bytes:
        return sse_event(refusal.body)


class ChatEntry:
    """Answers over HTTP.

    Args:
        gateway: that answers.
        limits: of bodies.
        read: the protocol.
        entry: its name, for metrics.
    """

    def __init__(
        self,
        gateway: Gateway,
        limits: GatewayLimits,
        read: ReadForm = ChatForm,
        entry: str = ENTRY,
    ) -> None:
        self._gateway = gateway
        self._limits = limits
        self._read = read
        self._entry = entry

    async def complete(self, exchange: HttpExchange, caller: Any) -> None:
        """Answer one request, in pieces where it wants that."""
        content = await exchange.body(self._limits)
        form = self._read(await decode_body(content, self._limits.body_depth))
        visit = self._gateway.admit(
            self._entry, form.chat, caller, header_said(exchange.id), exchange.trace
        )
        headers = decided_headers(visit.id, visit.policy)
        try:
            with visit:
                async with exchange.while_there():
                    if visit.stream:
                        await self._stream(exchange, form, visit, headers)
                    else:
                        answer = await visit.answer()
                if not visit.stream:
                    told = answer_headers(answer.routed.decision, answer.routed.model)
                    body = form.whole(visit, answer)
                    await exchange.json(body, headers={**headers, **told})
        except RefusedError as refusal:
            if exchange.begun:  # from here on a failure can only be an event
                await exchange.close_events(form.broken(refusal))
            else:
                await exchange.refuse(refusal, headers)

    async def models(self, exchange: HttpExchange, caller: Any) -> None:
        """List what the caller may give as `model`."""
        names = self._gateway.roster.names(caller)
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "routelab"} for name in names
        ]
        await exchange.json({"object": "list", "data": listed})

    async def _stream(
        self, exchange: HttpExchange, form: AnswerForm, visit: ChatVisit, headers: Mapping[str, str]
    ) -> None:
        async with aclosing(form.events(visit)) as events:
            first = await anext(events)  # what fails before it is answered like any other failure
            await exchange.open_events(headers)
            await exchange.event(first)
            async for event in events:
                await exchange.event(event)
        await exchange.close_events()
