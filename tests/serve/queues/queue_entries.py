"""Queues as entries of the conformance suite: a message in, and its answer out of another topic."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from brokers_world import URLS, Client, client, skip_without
from queue_world import in_loop, opened
from serve_world import Running

from routelab.serve.settings import QueueRules


class QueueEntry:
    """Asks by messages; the queue is opened once for each gateway, and closed with `close`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._stacks: dict[int, AsyncExitStack] = {}
        self._clients: dict[int, Any] = {}

    def ask(
        self,
        gateway: Running,
        body: Mapping[str, Any],
        key: str,
        attributes: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The body of the answer, or of the failure."""
        if self.kind == "kafka":
            pytest.importorskip("faststream", reason="the queue extra is not installed")
        else:
            skip_without(self.kind)
        return in_loop(gateway, self._ask(gateway, body, key, attributes or {}))

    async def _ask(
        self, gateway: Running, body: Mapping[str, Any], key: str, more: Mapping[str, str]
    ) -> dict[str, Any]:
        if id(gateway) not in self._clients:
            await self._open(gateway)
        asking = self._clients[id(gateway)]
        before = len(await asking.all("results"))
        # The suite asks the same again, of other policies: to a queue that is another request.
        number = f"{key}#{before}"
        named = json.dumps(body).encode()
        await asking.put("low", named, id=key, source=number, specversion="1.0", **more)
        *_, last = await asking.wait("results", before + 1)
        assert last.attributes["id"] == key
        told: dict[str, Any] = json.loads(last.body)
        assert (last.attributes["outcome"] == "failed") == ("error" in told)
        return told

    async def _open(self, gateway: Running) -> None:
        stack = self._stacks[id(gateway)] = AsyncExitStack()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if self.kind == "kafka":
            from kafka_world import in_memory

            self._clients[id(gateway)] = await stack.enter_async_context(in_memory(gateway, folder))
            return
        asking: Client = await stack.enter_async_context(client(self.kind))
        rules = QueueRules(**asking.settings(URLS[self.kind]))
        await stack.enter_async_context(opened(gateway, rules, folder))
        self._clients[id(gateway)] = asking

    def close(self, gateway: Running) -> None:
        """Close what was opened before a gateway."""
        self._clients.pop(id(gateway), None)
        stack = self._stacks.pop(id(gateway), None)
        if stack is not None:
            asyncio.run_coroutine_threadsafe(stack.aclose(), gateway.loop).result(60.0)


QUEUES = {kind: QueueEntry(kind) for kind in ("nats", "redis", "rabbitmq", "kafka")}


def close_queues(gateway: Running) -> None:
    """Close every queue of a gateway."""
    for entry in QUEUES.values():
        entry.close(gateway)
