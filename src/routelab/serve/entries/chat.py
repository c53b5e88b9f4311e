"""`/v1/chat/completions`, plain and streamed, and `/v1/models`, as OpenAI has them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from routelab.runtime import REQUEST_ID
from routelab.runtime.attempts import DONE, sse_event
from routelab.serve.account import answer_headers
from routelab.serve.chat_request import decode_body, header_said
from routelab.serve.config import GatewayLimits
from routelab.serve.gateway import ChatVisit, Gateway
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.refusal import RefusedError

ENTRY = "chat"


class ChatEntry:
    """Chat completions over HTTP.

    Args:
        gateway: that answers.
        limits: of bodies.
    """

    def __init__(self, gateway: Gateway, limits: GatewayLimits) -> None:
        self._gateway = gateway
        self._limits = limits

    async def complete(self, exchange: HttpExchange, caller: Any) -> None:
        """Answer one request, in pieces where it wants that."""
        content = await exchange.body(self._limits)
        body = await decode_body(content, self._limits.body_depth)
        given = exchange.headers.get(REQUEST_ID)
        request_id = header_said(given) if given else None
        visit = self._gateway.admit(ENTRY, body, caller, request_id)
        headers = {
            REQUEST_ID: given or visit.id,
            "x-routelab-decision": quote(visit.id, safe=_PLAIN),
            "x-routelab-policy": quote(visit.policy, safe=_PLAIN),
        }
        try:
            with visit:
                async with exchange.while_there():
                    if visit.stream:
                        await self._stream(exchange, visit, headers)
                    else:
                        answer = await visit.answer()
                if not visit.stream:
                    told = answer_headers(
                        answer.routed.decision, quote(answer.routed.model, safe=_PLAIN)
                    )
                    await exchange.json(answer.body, headers={**headers, **told})
        except RefusedError as refusal:
            if exchange.begun:  # from here on a failure can only be an event
                await exchange.close_events(sse_event(refusal.body))
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
        self, exchange: HttpExchange, visit: ChatVisit, headers: Mapping[str, str]
    ) -> None:
        async with aclosing(visit.pieces()) as pieces:
            first = await anext(pieces)  # what fails before it is answered like any other failure
            await exchange.open_events(headers)
            await exchange.event(sse_event(first))
            async for piece in pieces:
                await exchange.event(sse_event(piece))
        await exchange.close_events(DONE)


_PLAIN = "!#$&'()*+-./:;<=>?@[]^_`{|}~"
