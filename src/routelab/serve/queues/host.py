"""The queues and deliveries of a gateway: opened beside its server, and ended with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from routelab.serve.callers import Identity
from routelab.serve.delivery import (
    DeliveredOutcome,
    DeliveryLog,
    DestinationSender,
    Dispatcher,
    Outbox,
    UndeliverableError,
)
from routelab.serve.queues.broker import MessageBroker, UnreachableError, message_broker
from routelab.serve.queues.message import Publication
from routelab.serve.queues.worker import QueueWorker
from routelab.serve.service import Service
from routelab.serve.settings import QueueRules

_CHECK_S = 1.0
_LONGEST_WAIT_S = 30.0


class OpenQueue:
    """One queue, which is opened again where its broker was away.

    Args:
        rules: of the queue.
        service: that answers.
        outbox: where outcomes are kept.
        judge: takes a judgement.
    """

    def __init__(
        self,
        rules: QueueRules,
        service: Service,
        outbox: Outbox,
        judge: Callable[[dict[str, Any], Identity], Awaitable[object]],
    ) -> None:
        self.rules = rules
        self._service = service
        self._outbox = outbox
        self._judge = judge
        self._broker: MessageBroker | None = None
        self._worker: QueueWorker | None = None
        self._running: asyncio.Task[None] | None = None
        message_broker(rules)  # what is not installed is told at the start

    def start(self) -> None:
        """Open it, now or as soon as its broker is there."""
        self._running = asyncio.create_task(self._run())

    async def publish(self, topic: str, outcome: DeliveredOutcome, message_id: str) -> None:
        """Put an outcome into a topic.

        Raises:
            UndeliverableError: the broker does not have it.
        """
        if self._broker is None:
            raise UndeliverableError(f"the broker of queue {self.rules.name!r} is away")
        try:
            await self._broker.publish(outcome_publication(self.rules, topic, outcome, message_id))
        except Exception as error:
            raise UndeliverableError(f"{type(error).__name__}: {error}") from error

    async def drain(self) -> None:
        """Take no more, and see through what is under way."""
        if self._running is not None:
            self._running.cancel()
        if self._worker is not None:
            await self._worker.drain()

    async def aclose(self) -> None:
        """Give back what is held, and close the connection."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._close()

    async def _run(self) -> None:
        wait_s = 0.5
        events = self._service.events
        while True:
            try:
                await self._open()
                wait_s = 0.5
                events.event("queue open", queue=self.rules.name, sources=self.rules.sources)
                while True:
                    await asyncio.sleep(_CHECK_S)
                    assert self._broker is not None  # it was opened
                    await self._broker.check()
            except Exception as error:  # noqa: BLE001  (each library has errors of its own)
                told = without_address(str(error), self.rules)
                if not isinstance(error, UnreachableError):
                    told = f"{type(error).__name__}: {told}"
                events.event(
                    "queue unreachable", "error", queue=self.rules.name, broker=self.rules.broker,
                    message=f"{told}: is it there, and its address right? It is tried again in"
                    f" {wait_s:g} s",
                )  # fmt: skip
            await self._close()
            await asyncio.sleep(wait_s)
            wait_s = min(2.0 * wait_s, _LONGEST_WAIT_S)

    async def _open(self) -> None:
        service = self._service
        broker = message_broker(self.rules)
        self._worker = QueueWorker(
            self.rules,
            broker,
            service.gateway,
            service.doorkeeper,
            service.config.limits,
            self._outbox,
            self._judge,
        )
        self._broker = broker
        self._worker.start()
        await broker.open(self._worker.take)

    async def _close(self) -> None:
        worker, self._worker = self._worker, None
        broker, self._broker = self._broker, None
        if worker is not None:
            await worker.aclose()
        if broker is not None:
            with contextlib.suppress(Exception):  # of a connection that is none
                async with asyncio.timeout(5.0):
                    await broker.aclose()


class QueueHost:
    """All queues of a gateway, and its deliveries.

    Args:
        service: that answers.
        judge: takes a judgement; raises `RefusedError`.
    Raises:
        RoutelabError: the log cannot be written, or a package is missing.
    """

    def __init__(
        self, service: Service, judge: Callable[[dict[str, Any], Identity], Awaitable[object]]
    ) -> None:
        rules, config = service.config.delivery, service.config
        self._service = service
        self._queues: dict[str, OpenQueue] = {}
        self._log: DeliveryLog | None = None
        self._dispatcher: Dispatcher | None = None
        if not (config.queue or rules.rule):
            return
        redaction = service.redaction
        self._log = DeliveryLog(Path(rules.log), rules.kept_s, redaction=redaction)
        gateway = service.gateway
        self._dispatcher = Dispatcher(
            rules, self._log, DestinationSender(rules, self._publish), service.events,
            gateway.totals, redaction=redaction,
        )  # fmt: skip
        outbox = Outbox(rules, self._log, self._dispatcher, redaction=redaction)
        if rules.rule:
            gateway.outbox = outbox
        self._queues = {it.name: OpenQueue(it, service, outbox, judge) for it in config.queue}

    async def open(self) -> None:
        """Begin to take messages, and go on with deliveries that were left."""
        if self._dispatcher is not None:
            await self._dispatcher.open()
        for queue in self._queues.values():
            queue.start()

    async def drain(self) -> None:
        """Take no more messages, and see through what is under way."""
        await asyncio.gather(*(it.drain() for it in self._queues.values()))

    async def aclose(self) -> None:
        """Close everything; what is not delivered is left in the log."""
        if self._dispatcher is not None:
            await self._dispatcher.aclose()
        await asyncio.gather(*(it.aclose() for it in self._queues.values()))
        if self._log is not None:
            await self._log.aclose()

    async def _publish(
        self, queue: str, topic: str, outcome: DeliveredOutcome, message_id: str
    ) -> None:
        await self._queues[queue].publish(topic, outcome, message_id)


def outcome_publication(
    rules: QueueRules, topic: str, outcome: DeliveredOutcome, message_id: str
) -> Publication:
    """An outcome as an event in a topic.

    Args:
        rules: of the queue.
        topic: that it goes to.
        outcome: to publish.
        message_id: by which a broker knows it again.
    """
    return Publication(
        topic=topic,
        content=outcome.content,
        attributes=outcome.attributes(f"/routelab/{rules.name}"),
        correlation=outcome.id,
        message_id=message_id,
    )


def without_address(text: str, rules: QueueRules) -> str:
    """A message of a library's, which may quote the address with its password."""
    for address in rules.address.split(","):
        text = text.replace(address.strip(), "its address")
        with contextlib.suppress(ValueError):
            if password := urlsplit(address.strip()).password:
                text = text.replace(password, "...")
    return text
