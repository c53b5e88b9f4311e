"""RabbitMQ, by FastStream.

Each source has a channel of its own, with as many messages outstanding as the queue's `prefetch`;
the server gives them to another worker when the connection ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import Any

from aio_pika.exceptions import AMQPError, DeliveryError
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from routelab.serve.queues.broker import MessageBroker, Take, UnreachableError
from routelab.serve.queues.message import Publication, QueueMessage
from routelab.serve.settings import QueueRules

_CONNECT_S = 10.0
_PUBLISH_S = 15.0


class RabbitMessages(MessageBroker):
    """Requests of queues of RabbitMQ."""

    def __init__(self, rules: QueueRules) -> None:
        super().__init__(rules)
        self._broker = RabbitBroker(
            rules.address,
            apply_types=False,
            logger=None,
            reconnect_interval=1.0,
            graceful_timeout=1.0,
            default_channel=Channel(on_return_raises=True),
        )

    async def open(self, take: Take | None) -> None:
        rules = self.rules
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._broker.connect()
                for topic in (rules.results, rules.dead_letters):
                    if topic:
                        await self._broker.declare_queue(self._queue(topic))
                if take is not None:
                    for topic in rules.topics:
                        self._subscribe(topic, take)
                await self._broker.start()
        except (OSError, TimeoutError, AMQPError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from error

    async def settle(self, message: QueueMessage, publications: Sequence[Publication]) -> None:
        for publication in publications:
            await self.publish(publication)
        await message.raw.ack()

    async def publish(self, publication: Publication) -> None:
        try:
            await self._broker.publish(
                publication.content,
                publication.topic,
                content_type="application/json",
                persist=True,
                mandatory=True,
                correlation_id=publication.correlation,
                message_id=publication.message_id,
                headers={
                    f"cloudEvents:{it}": value for it, value in publication.attributes.items()
                },
                timeout=_PUBLISH_S,
            )
        except DeliveryError:
            if not publication.optional:
                raise

    async def release(self, message: QueueMessage) -> None:
        with contextlib.suppress(AMQPError, OSError):
            await message.raw.nack(requeue=True)

    async def pause(self) -> None:
        for subscriber in self._broker.subscribers:
            await subscriber.stop()

    async def aclose(self) -> None:
        await self._broker.stop()

    def _queue(self, topic: str) -> RabbitQueue:
        return RabbitQueue(topic, durable=True, declare=self.rules.declare)

    def _subscribe(self, topic: str, take: Take) -> None:
        subscriber = self._broker.subscriber(
            self._queue(topic),
            channel=Channel(prefetch_count=self.rules.prefetch),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_same,
        )

        async def handle(found: Any) -> None:
            raw = found.raw_message
            headers = {str(name).lower(): str(value) for name, value in raw.headers.items()}
            own = {
                "content-type": raw.content_type,
                "correlation-id": raw.correlation_id,
                "message-id": raw.message_id,
                "reply-to": raw.reply_to,
            }
            await take(
                QueueMessage(
                    topic=topic,
                    body=raw.body,
                    headers={**{name: it for name, it in own.items() if it}, **headers},
                    # A message has no place of its own here: only that it comes again is known.
                    position="" if raw.redelivered else f"{topic}:{os.urandom(8).hex()}",
                    raw=raw,
                )
            )

        subscriber(handle)


async def _same(message: Any) -> Any:
    return message


BROKER = RabbitMessages
