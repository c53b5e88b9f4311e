"""Redis Streams, by FastStream.

Each source is read by a consumer group; what a killed worker had is claimed by another once the
lease is over, and held messages are claimed anew meanwhile. An answer and the end of its message
are one script, so that neither is without the other.

An entry has the request in the field `data` (or `body`), and attributes in other fields: `ce_id`,
`ce_source` and so on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Any, cast

from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from routelab.serve.queues.broker import MessageBroker, Take, UnreachableError
from routelab.serve.queues.message import Publication, QueueMessage
from routelab.serve.settings import QueueRules

_CONNECT_S = 10.0
_POLL_MS = 200
_BODY = ("data", "body")

_SETTLE = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local at = 3
for i = 2, #KEYS do
  local fields = {}
  local n = tonumber(ARGV[at])
  for j = 1, n do fields[j] = ARGV[at + j] end
  at = at + n + 1
  redis.call('XADD', KEYS[i], '*', unpack(fields))
end
return 1
"""
"""Ends a message and adds its answers; nothing where the message was ended before."""


class RedisMessages(MessageBroker):
    """Requests of streams of Redis."""

    _client: Redis

    def __init__(self, rules: QueueRules) -> None:
        super().__init__(rules)
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
        self._broker = RedisBroker(
            rules.address,
            apply_types=False,
            logger=cast("Any", None),  # its types want one, and its code does not
            graceful_timeout=1.0,
        )

    async def open(self, take: Take | None) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                self._client = await self._broker.connect()
                await self._client.ping()
                await self._join_groups()
                if take is not None:
                    for topic in self.rules.topics:
                        self._subscribe(topic, take)
                await self._broker.start()
        except (OSError, TimeoutError, RedisError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from error

    async def settle(self, message: QueueMessage, publications: Sequence[Publication]) -> None:
        keys, words = [message.topic], [self.rules.group, message.raw]
        for publication in publications:
            fields = [part for pair in _fields(publication).items() for part in pair]
            keys.append(publication.topic)
            words += [len(fields), *fields]
        await self._client.eval(_SETTLE, len(keys), *keys, *words)

    async def publish(self, publication: Publication) -> None:
        await self._client.xadd(publication.topic, _fields(publication))

    async def renew(self, messages: Sequence[QueueMessage]) -> None:
        by_topic: dict[str, list[Any]] = {}
        for message in messages:
            by_topic.setdefault(message.topic, []).append(message.raw)
        for topic, ids in by_topic.items():
            # Without the entries, a claim does not count as another delivery.
            await self._client.xclaim(topic, self.rules.group, self._consumer, 0, ids, justid=True)

    async def check(self) -> None:
        if not all(it.running for it in self._broker.subscribers):
            raise UnreachableError("a stream or its consumer group is gone")

    async def pause(self) -> None:
        for subscriber in self._broker.subscribers:
            await subscriber.stop()

    async def aclose(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._forget_consumer()
        await self._broker.stop()

    async def _forget_consumer(self) -> None:
        """Take this process's name out of the groups, where nothing is pending for it."""
        for topic in self.rules.topics:
            for it in await self._client.xinfo_consumers(topic, self.rules.group):
                if it["name"] == self._consumer.encode() and not it["pending"]:
                    await self._client.xgroup_delconsumer(topic, self.rules.group, self._consumer)

    async def _join_groups(self) -> None:
        """Make the consumer groups that are not there; they begin with what is there already.

        Raises:
            UnreachableError: there is no stream, and none may be made.
        """
        rules = self.rules
        missing = []
        for topic in rules.topics:
            try:
                await self._client.xgroup_create(topic, rules.group, "0", mkstream=rules.declare)
            except ResponseError as error:
                if "requires the key" in str(error):
                    missing.append(topic)
                elif "BUSYGROUP" not in str(error):
                    raise
        if missing:
            raise UnreachableError(
                f"there is no stream {', '.join(missing)}: make them, or set declare"
            )

    def _subscribe(self, topic: str, take: Take) -> None:
        rules = self.rules

        async def handle(found: Any) -> None:
            raw = found.raw_message
            (entry,) = raw["message_ids"]
            fields = {_text(name).lower(): value for name, value in raw["data"].items()}
            body = next((fields.pop(it) for it in _BODY if it in fields), b"")
            await take(
                QueueMessage(
                    topic=topic,
                    body=body,
                    headers={name: _text(value) for name, value in fields.items()},
                    position=f"{topic}:{_text(entry)}",
                    raw=entry,
                )
            )

        for lease_ms in (None, int(rules.lease_s * 1e3)):  # what is new, and what was left behind
            subscriber = self._broker.subscriber(
                stream=StreamSub(
                    topic,
                    group=rules.group,
                    consumer=self._consumer,
                    polling_interval=_POLL_MS,
                    max_records=None if lease_ms else max(1, rules.prefetch // 2),
                    min_idle_time=lease_ms,
                ),
                ack_policy=AckPolicy.MANUAL,
                no_reply=True,
                parser=_plain,
                decoder=_same,
            )
            subscriber(handle)


def _fields(publication: Publication) -> dict[Any, Any]:
    fields: dict[Any, Any] = {f"ce_{it}": value for it, value in publication.attributes.items()}
    fields |= {
        "content-type": "application/json",
        "correlation-id": publication.correlation,
        "data": publication.content,
    }
    return fields


async def _plain(raw: Any) -> StreamMessage[Any]:
    """The entry as it is: FastStream's own format of entries is known to nobody else."""
    return StreamMessage(raw_message=raw, body=b"")


async def _same(message: Any) -> Any:
    return message


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


BROKER = RedisMessages
