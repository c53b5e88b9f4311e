"""The entry for queues: messages of NATS, Redis, RabbitMQ or Kafka, each answered once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.queues.broker import MessageBroker, UnreachableError, message_broker
    from routelab.serve.queues.host import QueueHost, outcome_publication
    from routelab.serve.queues.message import (
        PoisonError,
        Publication,
        QueueMessage,
        QueueRequest,
        read_message,
    )
    from routelab.serve.queues.redelivery import RedeliveryReport, redeliver
    from routelab.serve.queues.worker import QueueWorker
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "MessageBroker": "broker",
            "PoisonError": "message",
            "Publication": "message",
            "QueueHost": "host",
            "QueueMessage": "message",
            "QueueRequest": "message",
            "QueueWorker": "worker",
            "RedeliveryReport": "redelivery",
            "UnreachableError": "broker",
            "message_broker": "broker",
            "outcome_publication": "host",
            "read_message": "message",
            "redeliver": "redelivery",
        },
    )

__all__ = [
    "MessageBroker",
    "PoisonError",
    "Publication",
    "QueueHost",
    "QueueMessage",
    "QueueRequest",
    "QueueWorker",
    "RedeliveryReport",
    "UnreachableError",
    "message_broker",
    "outcome_publication",
    "read_message",
    "redeliver",
]
