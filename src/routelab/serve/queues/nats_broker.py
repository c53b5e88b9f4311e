"""NATS JetStream, by FastStream.

Each source is a durable pull consumer, so that the server sends no more than there is room for. A
message that is held is told to be in progress; one that is not, because its worker was killed, is
given to another once the lease is over. Answers carry `Nats-Msg-Id`, by which the server drops one
that is published twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig
from nats.js.errors import APIError, NotFoundError

from routelab.serve.queues.broker import MessageBroker, Take, UnreachableError
from routelab.serve.queues.message import Publication, QueueMessage
from routelab.serve.settings import QueueRules

_CONNECT_S = 10.0
_POLL_S = 2.0
_OUT = "-OUT"
"""Ends the name of the stream of answers, whose messages stay where others go once answered."""
_SAME_S = 600.0
"""Seconds in which the server drops a second publication of the same."""


class NatsMessages(MessageBroker):
    """Requests of a stream of JetStream."""

    _client: Client
    _js: JetStreamContext

    def __init__(self, rules: QueueRules) -> None:
        super().__init__(rules)
        self._broker = NatsBroker(
            [it.strip() for it in rules.address.split(",")],
            apply_types=False,
            logger=None,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            graceful_timeout=1.0,
        )

    async def open(self, take: Take | None) -> None:
        rules = self.rules
        try:
            async with asyncio.timeout(_CONNECT_S):
                self._client = await self._broker.connect()
                self._js = self._client.jetstream()
                await self._declare()
                if take is not None:
                    for topic in rules.topics:
                        self._subscribe(topic, take)
                await self._broker.start()
        except (OSError, TimeoutError, NatsError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def settle(self, message: QueueMessage, publications: Sequence[Publication]) -> None:
        for publication in publications:
            await self.publish(publication)
        await message.raw.ack()

    async def publish(self, publication: Publication) -> None:
        headers = {f"ce-{name}": value for name, value in publication.attributes.items()}
        headers["content-type"] = "application/json"
        headers["correlation-id"] = publication.correlation
        headers = {name: _line(value) for name, value in headers.items()}
        if publication.optional:  # an inbox, which no stream holds
            await self._client.publish(publication.topic, publication.content, headers=headers)
            return
        headers["Nats-Msg-Id"] = publication.message_id
        await self._js.publish(publication.topic, publication.content, headers=headers)

    async def release(self, message: QueueMessage) -> None:
        with contextlib.suppress(NatsError):
            await message.raw.nak()

    async def renew(self, messages: Sequence[QueueMessage]) -> None:
        for message in messages:
            await message.raw.in_progress()

    async def pause(self) -> None:
        for subscriber in self._broker.subscribers:
            await subscriber.stop()

    async def aclose(self) -> None:
        await self._broker.stop()

    def _subscribe(self, topic: str, take: Take) -> None:
        rules = self.rules
        durable = re.sub(r"[^A-Za-z0-9_-]", "_", f"{rules.group}-{topic}")
        subscriber = self._broker.subscriber(
            topic,
            stream=JStream(rules.stream, declare=False),
            durable=durable,
            config=ConsumerConfig(ack_wait=rules.lease_s, max_deliver=-1, max_ack_pending=-1),
            pull_sub=PullSub(batch_size=max(1, rules.prefetch // 2), timeout=_POLL_S),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_same,
        )

        async def handle(found: NatsMessage) -> None:
            raw = found.raw_message
            await take(
                QueueMessage(
                    topic=topic,
                    body=raw.data,
                    headers={name.lower(): value for name, value in (raw.headers or {}).items()},
                    position=f"{rules.stream}:{raw.metadata.sequence.stream}",
                    raw=raw,
                )
            )

        subscriber(handle)

    async def _declare(self) -> None:
        """Make the streams, and see that there is one for everything.

        Raises:
            UnreachableError: a topic is in no stream.
        """
        rules = self.rules
        out = [it for it in (rules.results, rules.dead_letters) if it]
        if rules.declare:
            await self._stream(rules.stream, list(rules.topics), RetentionPolicy.WORK_QUEUE)
            await self._stream(rules.stream + _OUT, out, RetentionPolicy.LIMITS)
        missing = []
        for topic in (*rules.topics, *out):
            try:
                await self._js.find_stream_name_by_subject(topic)
            except NotFoundError:
                missing.append(topic)
        if missing:
            raise UnreachableError(
                f"no stream of JetStream has {', '.join(missing)} among its subjects: add"
                " them to one, or set declare"
            )

    async def _stream(self, name: str, subjects: list[str], keep: RetentionPolicy) -> None:
        try:
            await self._js.stream_info(name)
        except NotFoundError:
            free = [it for it in subjects if not await self._has_stream(it)]
            if not free:
                return
            config = StreamConfig(
                name=name, subjects=free, retention=keep, duplicate_window=_SAME_S
            )
            try:
                await self._js.add_stream(config)
            except APIError as error:
                raise UnreachableError(f"stream {name!r} cannot be made: {error}") from error

    async def _has_stream(self, subject: str) -> bool:
        try:
            await self._js.find_stream_name_by_subject(subject)
        except NotFoundError:
            return False
        return True


async def _same(message: Any) -> Any:
    """The message itself is what the handler gets."""
    return message


def _line(value: str) -> str:
    """As a header may have it: without the ends of lines."""
    return value if value.isprintable() else " ".join(value.split())


BROKER = NatsMessages
