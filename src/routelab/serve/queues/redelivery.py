"""Send dead letters of deliveries again, on demand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from routelab.serve.config import ServeConfig
from routelab.serve.delivery import (
    DeliveredOutcome,
    DestinationSender,
    Resending,
    UndeliverableError,
)
from routelab.serve.queues.broker import MessageBroker, message_broker
from routelab.serve.queues.host import outcome_publication


class RedeliveryReport(NamedTuple):
    """What came of it.

    Attributes:
        tried, sent: letters.
        problems: a sentence for each that did not arrive.
    """

    tried: int
    sent: int
    problems: tuple[str, ...]


async def redeliver(config: ServeConfig, only: Collection[str] = ()) -> RedeliveryReport:
    """Send the dead letters of a gateway once more.

    Args:
        config: of the gateway.
        only: names of destinations; all if there are none.
    Raises:
        ConfigError: there is no file of dead letters, or it is something else.
    """
    tried, sent, problems = 0, 0, []
    with Resending(Path(config.delivery.dead_letters)) as letters:
        async with _brokers(config) as publish:
            sender = DestinationSender(config.delivery, publish.publish)
            for number, letter in letters.letters():
                if only and letter.destination not in only:
                    continue
                tried += 1
                try:
                    await sender.send(letter.destination, letter.key, letter.outcome)
                except (UndeliverableError, ValueError) as error:
                    problems.append(f"{letter.outcome.id} to {letter.destination}: {error}")
                else:
                    await asyncio.to_thread(letters.sent, number)
                    sent += 1
            await sender.aclose()
    return RedeliveryReport(tried, sent, tuple(problems))


class _Brokers:
    """Connections to brokers, opened as they are needed."""

    def __init__(self, config: ServeConfig) -> None:
        self._rules = {it.name: it for it in config.queue}
        self._open: dict[str, MessageBroker] = {}

    async def publish(
        self, queue: str, topic: str, outcome: DeliveredOutcome, message_id: str
    ) -> None:
        rules = self._rules.get(queue)
        if rules is None:
            raise UndeliverableError(f"there is no queue {queue!r} any more")
        try:
            if queue not in self._open:
                broker = message_broker(rules)
                await broker.open(None)
                self._open[queue] = broker
            publication = outcome_publication(rules, topic, outcome, message_id)
            await self._open[queue].publish(publication)
        except Exception as error:
            raise UndeliverableError(f"{type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        for broker in self._open.values():
            with contextlib.suppress(Exception):  # what was published is published
                await broker.aclose()


@asynccontextmanager
async def _brokers(config: ServeConfig) -> AsyncIterator[_Brokers]:
    made = _Brokers(config)
    try:
        yield made
    finally:
        await made.aclose()
