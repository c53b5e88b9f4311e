"""Where answers go besides their callers: webhooks, files and topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.delivery.dead_letters import DeadLetter, LineFile, Resending
    from routelab.serve.delivery.delivery_log import AnswerClaim, DeliveryLog, DueDelivery
    from routelab.serve.delivery.dispatcher import DestinationSender, Dispatcher
    from routelab.serve.delivery.outbox import Outbox
    from routelab.serve.delivery.outcome import (
        DeliveredOutcome,
        answered,
        failed,
        request_key,
        told_body,
    )
    from routelab.serve.delivery.outcome_redaction import OutcomeRedaction
    from routelab.serve.delivery.public_addresses import PublicBackend
    from routelab.serve.delivery.webhook import UndeliverableError, WebhookSender, signature
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AnswerClaim": "delivery_log",
            "DeadLetter": "dead_letters",
            "DeliveredOutcome": "outcome",
            "DeliveryLog": "delivery_log",
            "DestinationSender": "dispatcher",
            "Dispatcher": "dispatcher",
            "DueDelivery": "delivery_log",
            "LineFile": "dead_letters",
            "Outbox": "outbox",
            "OutcomeRedaction": "outcome_redaction",
            "PublicBackend": "public_addresses",
            "Resending": "dead_letters",
            "UndeliverableError": "webhook",
            "WebhookSender": "webhook",
            "answered": "outcome",
            "failed": "outcome",
            "request_key": "outcome",
            "signature": "webhook",
            "told_body": "outcome",
        },
    )

__all__ = [
    "AnswerClaim",
    "DeadLetter",
    "DeliveredOutcome",
    "DeliveryLog",
    "DestinationSender",
    "Dispatcher",
    "DueDelivery",
    "LineFile",
    "Outbox",
    "OutcomeRedaction",
    "PublicBackend",
    "Resending",
    "UndeliverableError",
    "WebhookSender",
    "answered",
    "failed",
    "request_key",
    "signature",
    "told_body",
]
