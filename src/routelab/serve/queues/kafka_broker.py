"""Kafka, by FastStream.

A topic's messages are answered side by side, and what is committed is what comes before the first
that is not answered yet: whoever takes over a partition begins there. A message that waits for its
next try so holds the commits of its partition back, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext

from routelab.serve.queues.broker import MessageBroker, Take, UnreachableError
from routelab.serve.queues.message import Publication, QueueMessage
from routelab.serve.queues.offsets import OffsetTracker
from routelab.serve.settings import QueueRules

_CONNECT_S = 20.0
_COMMIT_S = 0.5
_POLL_S = 1800.0
"""Seconds for which a consumer may wait for room, before the group thinks it dead."""


class KafkaMessages(MessageBroker):
    """Requests of topics of Kafka.

    Args:
        rules: of the queue.
        make: a broker of FastStream's; for tests in memory.
    """

    gives_again = False  # only to who takes the partition over

    def __init__(self, rules: QueueRules, make: Callable[..., KafkaBroker] = KafkaBroker) -> None:
        super().__init__(rules)
        servers, security = _address(rules.address)
        self._broker = make(
            servers,
            security=security,
            acks="all",
            enable_idempotence=True,
            apply_types=False,
            logger=None,
            graceful_timeout=1.0,
        )
        self._offsets: dict[TopicPartition, OffsetTracker] = {}
        self._consumers: dict[TopicPartition, Any] = {}
        self._committing: asyncio.Task[None] | None = None

    async def open(self, take: Take | None) -> None:
        if take is not None:
            for topic in self.rules.topics:
                self._subscribe(topic, take)
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._broker.start()
        except (OSError, TimeoutError, KafkaError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from error
        self._committing = asyncio.create_task(self._commit_on())

    async def settle(self, message: QueueMessage, publications: Sequence[Publication]) -> None:
        for publication in publications:
            await self.publish(publication)
        partition, offset = message.raw
        if partition in self._offsets:
            self._offsets[partition].done(offset)

    async def publish(self, publication: Publication) -> None:
        headers = {f"ce_{name}": value for name, value in publication.attributes.items()}
        await self._broker.publish(
            publication.content,
            publication.topic,
            key=publication.correlation.encode(),
            headers={**headers, "content-type": "application/json"},
            correlation_id=publication.correlation,
        )

    async def check(self) -> None:
        if self._committing is not None and self._committing.done():
            raise UnreachableError(f"offsets are not committed: {self._committing.exception()}")

    async def pause(self) -> None:
        for partition, consumer in self._consumers.items():
            consumer.pause(partition)  # it stays in the group until what is held is done

    async def aclose(self) -> None:
        if self._committing is not None:
            self._committing.cancel()
        await self._commit()
        await self._broker.stop()

    def _subscribe(self, topic: str, take: Take) -> None:
        subscriber = self._broker.subscriber(
            topic,
            group_id=self.rules.group,
            auto_offset_reset="earliest",
            max_poll_interval_ms=int(_POLL_S * 1e3),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_same,
        )

        async def handle(found: Any) -> None:
            raw = found.raw_message
            partition = TopicPartition(raw.topic, raw.partition)
            self._consumers[partition] = found.consumer
            self._offsets.setdefault(partition, OffsetTracker()).began(raw.offset)
            headers = {
                name.lower(): value.decode("utf-8", "replace") for name, value in raw.headers
            }
            await take(
                QueueMessage(
                    topic=topic,
                    body=raw.value or b"",
                    headers=headers,
                    position=f"{raw.topic}:{raw.partition}:{raw.offset}",
                    raw=(partition, raw.offset),
                )
            )

        subscriber(handle)

    async def _commit_on(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_S)
            await self._commit()

    async def _commit(self) -> None:
        for partition, tracker in list(self._offsets.items()):
            if (offset := tracker.take()) is not None:
                # Where the partition is another's by now, that one begins where it has to.
                with contextlib.suppress(KafkaError):
                    await self._consumers[partition].commit({partition: offset})


def _address(url: str) -> tuple[list[str], BaseSecurity | None]:
    """Servers, and how they are spoken to: `kafkas://` has TLS, a name and a password SASL."""
    servers: list[str] = []
    security: BaseSecurity | None = None
    for one in url.split(","):
        parts = urlsplit(one if "://" in one else f"kafka://{one.strip()}")
        servers.append(parts.netloc.rpartition("@")[2])
        secure = parts.scheme == "kafkas"
        if parts.username:
            security = SASLPlaintext(
                unquote(parts.username), unquote(parts.password or ""), use_ssl=secure
            )
        elif secure and security is None:
            security = BaseSecurity(use_ssl=True)
    return servers, security


async def _same(message: Any) -> Any:
    return message


BROKER = KafkaMessages
