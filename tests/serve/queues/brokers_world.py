"""Real brokers on loopback where they run, and clients of them that know nothing of routelab.

A client puts messages into topics as its broker's users do, and takes out what is there. Names of
topics are new ones each time, and are deleted after.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PORTS = {"nats": 4222, "redis": 6379, "rabbitmq": 5672}
URLS = {
    "nats": "nats://127.0.0.1:4222",
    "redis": "redis://127.0.0.1:6379",
    "rabbitmq": "amqp://guest:guest@127.0.0.1:5672/",
}
REAL = tuple(URLS)


def skip_without(kind: str) -> None:
    """Skip a test where a broker, or what speaks to it, is not there."""
    pytest.importorskip("faststream", reason="the queue extra is not installed")
    if not answers(PORTS[kind]):
        pytest.skip(f"no {kind} at 127.0.0.1:{PORTS[kind]}")


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


class Found(NamedTuple):
    """A message that was taken out of a topic: attributes without prefixes, and the body."""

    attributes: Mapping[str, str]
    body: bytes


class Client(ABC):
    """Somebody who uses a broker."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    @abstractmethod
    async def put(self, name: str, body: bytes, **attributes: str) -> None:
        """Put a message into a topic; `reply` names one for its answer."""

    @abstractmethod
    async def all(self, name: str) -> list[Found]:
        """What was put into a topic so far."""

    @abstractmethod
    async def delete(self) -> None:
        """Delete the topics."""

    async def count(self, name: str) -> int:
        """How many messages are in a topic."""
        return len(await self.all(name))

    async def wait(self, name: str, n: int = 1, seconds: float = 30.0) -> list[Found]:
        """The messages of a topic, once there are so many."""
        until = time.monotonic() + seconds
        while len(found := await self.all(name)) < n:
            assert time.monotonic() < until, f"{len(found)} of {n} in {name} after {seconds} s"
            await asyncio.sleep(0.02)
        return found

    def settings(self, url: str, **more: Any) -> dict[str, Any]:
        """Of a queue whose topics these are."""
        return {
            "name": "jobs",
            "broker": self.kind,
            "url": url,
            "sources": (self.topic("high"), self.topic("low")),
            "results": self.topic("results"),
            "dead_letters": self.topic("dead"),
            "feedback": self.topic("feedback"),
            "backoff_s": 0.05,
            "lease_s": 3.0,
            **more,
        }

    kind = ""


TOPICS = ("high", "low", "results", "dead", "feedback", "reply", "other")


class NatsClient(Client):
    kind = "nats"

    def __init__(self, prefix: str, connection: Any) -> None:
        super().__init__(prefix)
        self._connection = connection
        self._js = connection.jetstream()
        self._replies: dict[str, list[Any]] = {}

    def settings(self, url: str, **more: Any) -> dict[str, Any]:
        return super().settings(url, **{"stream": self.prefix, **more})

    async def listen(self, name: str) -> None:
        """Replies are no stream's: they are heard by who listens."""
        heard = self._replies[name] = []

        async def hear(message: Any) -> None:
            heard.append(message)

        await self._connection.subscribe(self.topic(name), cb=hear)
        await self._connection.flush()

    async def put(self, name: str, body: bytes, **attributes: str) -> None:
        headers = {f"ce-{it}": value for it, value in attributes.items() if it != "reply"}
        if "reply" in attributes:
            headers["reply-to"] = self.topic(attributes["reply"])
        await self._js.publish(self.topic(name), body, headers=headers or None)

    async def all(self, name: str) -> list[Found]:
        import nats

        if name in self._replies:
            return [_found(it.headers, it.data, "ce-") for it in self._replies[name]]
        found = []
        try:
            stream = await self._js.find_stream_name_by_subject(self.topic(name))
            state = (await self._js.stream_info(stream)).state
        except nats.js.errors.NotFoundError:
            return []
        for number in range(max(1, state.first_seq), state.last_seq + 1):
            try:
                message = await self._js.get_msg(stream, number)
            except nats.js.errors.NotFoundError:
                continue
            if message.subject == self.topic(name):
                found.append(_found(message.headers or {}, message.data or b"", "ce-"))
        return found

    async def count(self, name: str) -> int:
        info = await self._js.stream_info(f"{self.prefix}-OUT", subjects_filter=self.topic(name))
        return (info.state.subjects or {}).get(self.topic(name), 0)

    async def delete(self) -> None:
        import nats

        for stream in (self.prefix, f"{self.prefix}-OUT"):
            with suppress(nats.js.errors.NotFoundError):
                await self._js.delete_stream(stream)
        await self._connection.close()


class RedisClient(Client):
    kind = "redis"

    def __init__(self, prefix: str, connection: Any) -> None:
        super().__init__(prefix)
        self._connection = connection

    async def listen(self, name: str) -> None:
        """A stream is there when it is written to."""

    async def put(self, name: str, body: bytes, **attributes: str) -> None:
        fields = {f"ce_{it}": value for it, value in attributes.items() if it != "reply"}
        if "reply" in attributes:
            fields["reply-to"] = self.topic(attributes["reply"])
        await self._connection.xadd(self.topic(name), {"data": body, **fields})

    async def all(self, name: str) -> list[Found]:
        entries = await self._connection.xrange(self.topic(name))
        return [
            _found({it.decode(): value.decode() for it, value in fields.items()},
                   fields[b"data"], "ce_")
            for _, fields in entries
        ]  # fmt: skip

    async def count(self, name: str) -> int:
        return int(await self._connection.xlen(self.topic(name)))

    async def delete(self) -> None:
        await self._connection.delete(*map(self.topic, TOPICS))
        await self._connection.aclose()


class RabbitClient(Client):
    kind = "rabbitmq"

    def __init__(self, prefix: str, connection: Any, channel: Any) -> None:
        super().__init__(prefix)
        self._connection = connection
        self._channel = channel
        self._taken: dict[str, list[Found]] = {}

    async def listen(self, name: str) -> None:
        await self._channel.declare_queue(self.topic(name), durable=True)

    async def put(self, name: str, body: bytes, **attributes: str) -> None:
        import aio_pika

        reply = attributes.pop("reply", None)
        message = aio_pika.Message(
            body,
            headers={f"cloudEvents:{it}": value for it, value in attributes.items()},
            message_id=attributes.get("id", "")[:100] or None,
            reply_to=reply and self.topic(reply),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._channel.default_exchange.publish(message, self.topic(name))

    async def all(self, name: str) -> list[Found]:
        taken = self._taken.setdefault(name, [])
        queue = await self._channel.get_queue(self.topic(name))
        while (message := await queue.get(fail=False, no_ack=True)) is not None:
            taken.append(_found(message.headers, message.body, "cloudEvents:"))
        return taken

    async def delete(self) -> None:
        for name in TOPICS:
            await self._channel.queue_delete(self.topic(name))
        await self._connection.close()


def _found(headers: Mapping[str, Any], body: bytes, prefix: str) -> Found:
    return Found({it.removeprefix(prefix): str(value) for it, value in headers.items()}, body)


@asynccontextmanager
async def client(kind: str, url: str = "") -> AsyncIterator[Client]:
    """A client of a broker, with topics of its own."""
    prefix = f"routelab-test-{os.urandom(5).hex()}"
    url = url or URLS[kind]
    made: Client
    if kind == "nats":
        import nats

        made = NatsClient(
            prefix, await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.2)
        )
    elif kind == "redis":
        import redis.asyncio

        made = RedisClient(prefix, redis.asyncio.from_url(url, socket_timeout=120))
    else:
        import aio_pika

        connection = await aio_pika.connect(url)
        made = RabbitClient(prefix, connection, await connection.channel())
    try:
        yield made
    finally:
        await made.delete()


class OwnBroker:
    """A broker of a test's own, which may be stopped and started again with what it has."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self._port = listening.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self._kind}://127.0.0.1:{self._port}"

    def start(self) -> None:
        port, folder = str(self._port), str(self._folder)
        commands = {
            "nats": ["nats-server", "-js", "-sd", folder, "-a", "127.0.0.1", "-p", port],
            "redis": ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder,
                      "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
        }  # fmt: skip
        self._process = subprocess.Popen(
            commands[self._kind], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 30.0
        while not answers(self._port):
            assert time.monotonic() < until
            time.sleep(0.05)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30.0)
        self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30.0)


@contextmanager
def own_broker(kind: str, folder: Path) -> Iterator[OwnBroker]:
    """A broker on a port of its own."""
    pytest.importorskip("faststream", reason="the queue extra is not installed")
    if shutil.which(f"{kind}-server") is None:
        pytest.skip(f"{kind}-server is not installed")
    folder.mkdir(exist_ok=True)
    made = OwnBroker(kind, folder)
    made.start()
    try:
        yield made
    finally:
        made.kill()
