"""Kafka in memory: FastStream's own stand-in takes the place of the broker, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from brokers_world import Client, Found
from faststream.kafka import KafkaBroker, TestKafkaBroker
from queue_world import opened
from serve_world import Running

from routelab.serve.queues.kafka_broker import KafkaMessages
from routelab.serve.settings import QueueRules


class Offsets:
    """Takes the place of the connection that offsets are committed over."""

    def __init__(self) -> None:
        self.committed: dict[Any, int] = {}
        self.paused: list[Any] = []

    async def commit(self, offsets: dict[Any, int]) -> None:
        self.committed |= offsets

    def pause(self, *partitions: Any) -> None:
        self.paused += partitions


class KafkaClient(Client):
    kind = "kafka"

    def __init__(self, prefix: str, broker: KafkaBroker) -> None:
        super().__init__(prefix)
        self.offsets = Offsets()
        self._broker = broker
        self._found: dict[str, list[Found]] = {}

    def hear(self, name: str) -> None:
        """Keep what is put into a topic from now on."""
        found = self._found[name] = []

        async def same(message: Any) -> Any:
            return message

        async def take(message: Any) -> None:
            attributes = {it.removeprefix("ce_"): str(to) for it, to in message.headers.items()}
            found.append(Found(attributes, message.body))

        self._broker.subscriber(self.topic(name), decoder=same)(take)

    async def put(self, name: str, body: bytes, **attributes: str) -> None:
        headers = {f"ce_{it}": value for it, value in attributes.items() if it != "reply"}
        if "reply" in attributes:
            headers["reply-to"] = self.topic(attributes["reply"])
        await self._broker.publish(body, self.topic(name), headers=headers)

    async def all(self, name: str) -> list[Found]:
        return list(self._found[name])

    async def delete(self) -> None:
        """It goes with the process."""


@asynccontextmanager
async def in_memory(gateway: Running, folder: Path, **more: Any) -> AsyncIterator[KafkaClient]:
    """A queue of a gateway, and a client of it."""
    made: list[KafkaBroker] = []

    def make(*words: Any, **named: Any) -> KafkaBroker:
        made.append(KafkaBroker(*words, **named))
        return made[0]

    rules = QueueRules(**Client.settings(_Named(), "kafka://127.0.0.1:9", **more))
    broker = KafkaMessages(rules, make)
    asking = KafkaClient(_Named.prefix, made[0])
    for name in ("results", "dead", "reply"):
        asking.hear(name)
    async with TestKafkaBroker(made[0]), opened(gateway, rules, folder, broker):
        for it in made[0].subscribers:
            it.parser._setup(asking.offsets)
        yield asking


class _Named:
    kind, prefix = "kafka", "memory"

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}"
