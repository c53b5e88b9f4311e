"""`[[queue]]` of `serve.toml`: a broker, where requests come from, and where answers go."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from routelab.core.messages import is_number

SCHEMES = {
    "nats": ("nats", "tls", "ws", "wss"),
    "redis": ("redis", "rediss", "unix"),
    "rabbitmq": ("amqp", "amqps"),
    "kafka": ("kafka", "kafkas"),
}
"""Of addresses, by broker."""
_EXAMPLES = {
    "nats": "nats://127.0.0.1:4222",
    "redis": "redis://127.0.0.1:6379",
    "rabbitmq": "amqp://guest:guest@127.0.0.1:5672/",
    "kafka": "kafka://127.0.0.1:9092",
}
_WILD = "*>#?"


class QueueRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A queue that requests are taken from.

    What a broker calls a subject (NATS), stream (Redis), queue (RabbitMQ) or topic (Kafka) is a
    topic here.

    Attributes:
        name: of the queue, in metrics, events and destinations.
        broker: its kind.
        url, url_env: its address, or the variable that holds it, as it may have a password.
        sources: topics of requests; those of an earlier one are answered first.
        dead_letters: topic of messages that nobody could answer, with the reason.
        results: topic of all answers; none unless given.
        feedback: topic of judgements; none unless given.
        replies: patterns of the topics that a message may name for its answer.
        group: workers that share the work; each group gets every message.
        stream: of JetStream, that holds the topics; made where it is not there and `declare` is.
        declare: make topics that are not there.
        tenant: whose requests all of them are.
        tenant_attribute, priority_attribute: attributes in which messages say it, which are
            believed: whoever may write to the topics may say what they want.
        priorities: from the most urgent; requests of others, and without one, come last.
        at_once: requests under way.
        prefetch: messages of each source held by this process, those under way included.
        tries: after which a message is a dead letter.
        backoff_s: seconds before the second try; doubled for each further one.
        lease_s: seconds after which the broker gives a message to another worker, where this one
            was killed; renewed while a message is held.
    """

    name: str
    broker: Literal["nats", "redis", "rabbitmq", "kafka"]
    sources: tuple[str, ...]
    dead_letters: str
    url: str = ""
    url_env: str = ""
    results: str = ""
    feedback: str = ""
    replies: tuple[str, ...] = ("*",)
    group: str = "routelab"
    stream: str = ""
    declare: bool = True
    tenant: str = ""
    tenant_attribute: str = ""
    priority_attribute: str = ""
    priorities: tuple[str, ...] = ()
    at_once: int = 32
    prefetch: int = 128
    tries: int = 5
    backoff_s: float = 1.0
    lease_s: float = 30.0

    @property
    def address(self) -> str:
        """Of the broker."""
        return self.url or os.environ.get(self.url_env, "")

    @property
    def topics(self) -> tuple[str, ...]:
        """That messages are taken from."""
        return (*self.sources, self.feedback) if self.feedback else self.sources

    def may_reply(self, topic: str) -> bool:
        """Whether an answer may go to a topic: to none that requests or dead letters are in."""
        own = (*self.topics, self.dead_letters, self.results)
        return topic not in own and any(fnmatchcase(topic, it) for it in self.replies)

    def rank(self, priority: str) -> int:
        """How late a request of a priority comes; 0 is first."""
        found = self.priorities
        return found.index(priority) if priority in found else len(found)


def queue_problems(queues: Sequence[QueueRules]) -> Iterator[str]:
    """What is wrong with the queues of a gateway."""
    seen: set[str] = set()
    for queue in queues:
        if queue.name in seen:
            yield f"queue: there are two of name {queue.name!r}: give each its own"
        seen.add(queue.name)
        yield from (f"queue {queue.name!r}: {it}" for it in _problems(queue))


def _problems(queue: QueueRules) -> Iterator[str]:
    if not queue.name:
        yield "name is empty; give one"
    yield from _address_problems(queue)
    yield from _topic_problems(queue)
    if queue.tenant and queue.tenant_attribute:
        yield "give tenant, or tenant_attribute, not both"
    if queue.broker == "nats" and not queue.stream:
        yield "stream is missing; name the stream of JetStream that holds the topics"
    if queue.broker != "nats" and queue.stream:
        yield f"stream is of JetStream, and broker is {queue.broker}: leave it out"
    for name in ("at_once", "prefetch", "tries"):
        if (count := getattr(queue, name)) < 1:
            yield f"{name} is {count}; it is at least 1"
    if 1 <= queue.prefetch < queue.at_once:
        yield f"prefetch is {queue.prefetch}; it is at least at_once, which is {queue.at_once}"
    for name in ("backoff_s", "lease_s"):
        seconds = getattr(queue, name)
        if not (is_number(seconds) and 0.0 < seconds < math.inf):
            yield f"{name} is {seconds}; give seconds above 0"


def _address_problems(queue: QueueRules) -> Iterator[str]:
    if bool(queue.url) == bool(queue.url_env):
        yield f"give url, such as {_EXAMPLES[queue.broker]!r}, or url_env, the variable that has it"
        return
    if not queue.address:
        yield f"url_env: the environment variable {queue.url_env} is not set: set it"
        return
    schemes = SCHEMES[queue.broker]
    for address in queue.address.split(","):
        try:
            scheme = urlsplit(address.strip()).scheme
        except ValueError:
            scheme = ""
        if scheme not in schemes:  # the address may have a password, so it is not shown
            given = "url" if queue.url else f"{queue.url_env} (of url_env)"
            yield (
                f"{given} begins with {scheme or 'nothing'}://; that of {queue.broker} begins with"
                f" {' or '.join(it + '://' for it in schemes)}, such as {_EXAMPLES[queue.broker]!r}"
            )


def _topic_problems(queue: QueueRules) -> Iterator[str]:
    if not queue.sources:
        yield "sources is empty; name at least one topic of requests"
    used: dict[str, str] = {}
    fields = [("sources", it) for it in queue.sources]
    fields += [(it, getattr(queue, it)) for it in ("results", "dead_letters", "feedback")]
    for field, topic in fields:
        if not topic and field in ("sources", "dead_letters"):
            yield f"{field} has an empty name; name a topic"
        elif topic in used:
            yield f"{field} has {topic!r}, as {used[topic]} has: answers would be taken as requests"
        elif any(it in _WILD or it.isspace() for it in topic):
            yield f"{field} has {topic!r}; name one topic, without {' '.join(_WILD)} and blanks"
        if topic:
            used[topic] = field
