"""`/openapi.json`: what there is at every address, for programs that make clients and checks."""

from __future__ import annotations

from typing import Any

from routelab.runtime import encode_json
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.openapi import openapi_document


class OpenApiEntry:
    """Gives the document, which is the same for every gateway of a version."""

    def __init__(self) -> None:
        self._content: bytes | None = None

    async def show(self, exchange: HttpExchange, _: Any) -> None:
        """Send it; it is put together when it is first asked for."""
        if self._content is None:
            self._content = encode_json(openapi_document())
        await exchange.reply(self._content)
