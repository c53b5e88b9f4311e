"""`/`, the status page, and what it shows: for operators, with a key where callers need one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from routelab.runtime import encode_json
from routelab.serve.callers import Identity
from routelab.serve.config import StatusRules
from routelab.serve.gateway import Gateway
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.refusal import CallerLeftError, RefusedError
from routelab.serve.status import StatusReport, page_data, page_files

_NOTICED_S = 0.25
"""A server that drains is noticed within that time, so that no page keeps it from ending."""
_DATA = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class StatusEntry:
    """The page, its files, and the status as JSON and as events.

    Args:
        gateway: whose status it is.
        rules: of the page.
        report: gives the status.
    """

    def __init__(
        self,
        gateway: Gateway,
        rules: StatusRules,
        report: Callable[[], Awaitable[StatusReport]],
    ) -> None:
        self._gateway = gateway
        self._rules = rules
        self._report = report
        self._watchers = 0
        self._content = b""
        self._made_s = -float("inf")

    async def page(self, exchange: HttpExchange, _: Any) -> None:
        """The page: it has no figures in it, and asks for them."""
        await self._file(exchange, "status.html")

    async def style(self, exchange: HttpExchange, _: Any) -> None:
        """Its style sheet."""
        await self._file(exchange, "status.css")

    async def script(self, exchange: HttpExchange, _: Any) -> None:
        """Its script."""
        await self._file(exchange, "status.js")

    async def data(self, exchange: HttpExchange, caller: Identity) -> None:
        """The status as it is now.

        Raises:
            RefusedError: the caller is no operator.
        """
        self._check(caller)
        await exchange.reply(await self._status(), headers=_DATA)

    async def events(self, exchange: HttpExchange, caller: Identity) -> None:
        """The status again and again, as server-sent events, until the caller or the server goes.

        Raises:
            RefusedError: the caller is no operator, or too many watch.
        """
        self._check(caller)
        if self._watchers >= self._rules.watchers:
            raise RefusedError(
                503,
                f"{self._watchers} pages watch already, which is all that `status.watchers` allows",
                "too_many_connections",
                kind="server_error",
                retry_after_s=10.0,
            )
        self._watchers += 1
        try:
            async with exchange.while_there():
                await exchange.open_events({"x-accel-buffering": "no", **_DATA})
                if exchange.method == "HEAD":
                    await exchange.close_events(b"")
                    return
                while not self._gateway.draining:
                    await exchange.event(b"event: status\ndata: " + await self._status() + b"\n\n")
                    await self._pause()
                last = b"event: status\ndata: " + await self._status() + b"\n\n"
                await exchange.close_events(last + b"event: end\ndata: {}\n\n")
        except CallerLeftError:
            pass
        finally:
            self._watchers -= 1

    async def _pause(self) -> None:
        until = monotonic() + self._rules.refresh_s
        while not self._gateway.draining and (left := until - monotonic()) > 0.0:
            await asyncio.sleep(min(left, _NOTICED_S))

    async def _status(self) -> bytes:
        """What all watchers see, made once for them all."""
        now = monotonic()
        if now - self._made_s >= 0.5 * self._rules.refresh_s or self._gateway.draining:
            self._made_s = now
            self._content = encode_json(page_data(await self._report()))
        return self._content

    async def _file(self, exchange: HttpExchange, name: str) -> None:
        file = page_files()[name]
        if exchange.headers.get("if-none-match") == file.headers["etag"]:
            await exchange.reply(b"", 304, file.headers, file.media)
        else:
            await exchange.reply(file.content, headers=file.headers, media=file.media)

    def _check(self, caller: Identity) -> None:
        if not caller.operator:
            raise RefusedError(
                403,
                f"key {caller.key!r} is no operator's: give it `operator = true` in the file of"
                " keys"
                if caller.key
                else f"tenant {caller.tenant!r} is no operator: list it in `callers.operators`",
                "not_an_operator",
                kind="permission_error",
            )
