"""Tables of `serve.toml`, each a struct with its checks: queues, and where answers go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.settings.delivery_rules import (
        CALLER,
        DeliveryRule,
        DeliveryRules,
        DestinationRule,
        delivery_problems,
    )
    from routelab.serve.settings.queue_rules import QueueRules, queue_problems
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "CALLER": "delivery_rules",
            "DeliveryRule": "delivery_rules",
            "DeliveryRules": "delivery_rules",
            "DestinationRule": "delivery_rules",
            "QueueRules": "queue_rules",
            "delivery_problems": "delivery_rules",
            "queue_problems": "queue_rules",
        },
    )

__all__ = [
    "CALLER",
    "DeliveryRule",
    "DeliveryRules",
    "DestinationRule",
    "QueueRules",
    "delivery_problems",
    "queue_problems",
]
