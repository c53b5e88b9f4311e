"""A queue before a gateway that runs already, in the gateway's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from serve_world import Running

from routelab.serve.config import GatewayLimits
from routelab.serve.delivery import DeliveryLog, DestinationSender, Dispatcher, Outbox
from routelab.serve.entries import FeedbackEntry
from routelab.serve.queues import MessageBroker, QueueWorker, message_broker
from routelab.serve.settings import DeliveryRules, QueueRules


class OpenedQueue:
    """A queue that is open: its worker, its broker and its log."""

    def __init__(self, worker: QueueWorker, broker: MessageBroker, log: DeliveryLog) -> None:
        self.worker = worker
        self.broker = broker
        self.log = log


async def nowhere(*_: Any) -> None:
    raise AssertionError("no topic is a destination here")


@asynccontextmanager
async def opened(
    gateway: Running,
    rules: QueueRules,
    folder: Path,
    broker: MessageBroker | None = None,
    delivery: DeliveryRules | None = None,
    judge: Callable[..., Any] | None = None,
) -> AsyncIterator[OpenedQueue]:
    """A queue of a gateway."""
    service = gateway.service
    delivery = delivery or DeliveryRules()
    log = DeliveryLog(folder / "deliveries.sqlite", 3600.0)
    sender = DestinationSender(delivery, nowhere)
    dispatcher = Dispatcher(delivery, log, sender, service.events, service.gateway.totals)
    broker = broker or message_broker(rules)
    limits = GatewayLimits()
    entry = FeedbackEntry(service.gateway, service.memory, limits, service.peers)
    judge = judge or entry.judgement
    worker = QueueWorker(
        rules, broker, service.gateway, service.doorkeeper, limits,
        Outbox(delivery, log, dispatcher), judge,
    )  # fmt: skip
    await dispatcher.open()
    worker.start()
    await broker.open(worker.take)
    try:
        yield OpenedQueue(worker, broker, log)
    finally:
        await worker.aclose()
        await broker.aclose()
        await dispatcher.aclose()
        await log.aclose()


def in_loop(gateway: Running, work: Any, seconds: float = 120.0) -> Any:
    """What a coroutine comes to in the gateway's loop."""
    return asyncio.run_coroutine_threadsafe(work, gateway.loop).result(seconds)
