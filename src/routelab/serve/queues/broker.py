"""What the entry asks of a broker; each kind has a module of its own that does it by FastStream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import TypeAlias

from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError
from routelab.serve.queues.message import Publication, QueueMessage
from routelab.serve.settings import QueueRules

Take: TypeAlias = Callable[[QueueMessage], Awaitable[None]]
"""Takes a message; returns once there is room for another."""


class UnreachableError(Exception):
    """A broker is not there, or does not have what it needs; says what, without its address."""


class MessageBroker(ABC):
    """A connection to a broker, which comes back by itself where the broker was away.

    Attributes:
        gives_again: a message that was not settled comes again by itself.

    Args:
        rules: of the queue.
    """

    gives_again = True

    def __init__(self, rules: QueueRules) -> None:
        self.rules = rules

    @abstractmethod
    async def open(self, take: Take | None) -> None:
        """Connect, and hand over messages from then on.

        Args:
            take: takes them; None to publish alone.
        Raises:
            UnreachableError: it is not there.
        """

    @abstractmethod
    async def settle(self, message: QueueMessage, publications: Sequence[Publication]) -> None:
        """Publish, and then have the broker forget the message.

        Raises:
            Exception: the connection broke; the message will come again.
        """

    @abstractmethod
    async def publish(self, publication: Publication) -> None:
        """Put something into a topic, and return once the broker has it.

        Raises:
            Exception: it is not known to have it.
        """

    async def release(self, message: QueueMessage) -> None:  # noqa: B027  (some have no way to)
        """Give a message back, for another worker to get soon."""

    async def renew(self, messages: Sequence[QueueMessage]) -> None:  # noqa: B027
        """Tell the broker that messages are being worked on."""

    async def check(self) -> None:  # noqa: B027
        """Look after what FastStream gives up on.

        Raises:
            UnreachableError: it has to be opened anew.
        """

    @abstractmethod
    async def pause(self) -> None:
        """Hand over no more messages."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection."""


_MODULES = {
    "nats": "nats_broker",
    "redis": "redis_broker",
    "rabbitmq": "rabbit_broker",
    "kafka": "kafka_broker",
}


def message_broker(rules: QueueRules) -> MessageBroker:
    """The broker of a queue, not yet connected.

    Raises:
        MissingExtraError: what speaks its protocol is not installed.
    """
    try:
        module = import_module(f"routelab.serve.queues.{_MODULES[rules.broker]}")
    except ImportError as error:
        missing = error.name or "faststream"
        if missing.startswith("routelab"):
            raise
        raise MissingExtraError(
            f"queue {rules.name!r}: {rules.broker} needs {missing}: {how_to_install('queue')}"
        ) from error
    made: MessageBroker = module.BROKER(rules)
    return made
