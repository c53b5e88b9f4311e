"""Sends what comes of requests to more than their callers, as the rules say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from routelab.serve.delivery.delivery_log import DeliveryLog, DueDelivery
from routelab.serve.delivery.dispatcher import Dispatcher
from routelab.serve.delivery.outcome import DeliveredOutcome, request_key
from routelab.serve.delivery.outcome_redaction import OutcomeRedaction
from routelab.serve.settings import DeliveryRules


class Outbox:
    """Keeps outcomes and has them delivered.

    Attributes:
        redaction: of what is delivered, and of what is only logged.

    Args:
        rules: which go where.
        log: where they are kept.
        dispatcher: that delivers them.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        rules: DeliveryRules,
        log: DeliveryLog,
        dispatcher: Dispatcher,
        wall_clock: Callable[[], float] = time.time,
        redaction: OutcomeRedaction | None = None,
    ) -> None:
        self.redaction = redaction or OutcomeRedaction()
        self.log = log
        self._rules = rules
        self._dispatcher = dispatcher
        self._wall_clock = wall_clock

    def chosen(self, outcome: DeliveredOutcome) -> tuple[tuple[str, ...], bool]:
        """Names of the destinations of an outcome, and whether its caller gets it."""
        return self._rules.chosen(outcome.tenant, outcome.task, outcome.outcome)

    async def offer(self, outcome: DeliveredOutcome) -> None:
        """Deliver the outcome of a request whose caller has it from elsewhere.

        Once this returns, it is delivered however this process ends.
        """
        names, _ = self.chosen(outcome)
        if names:
            outcome = self.redaction.sent(outcome)
            key = request_key(outcome.tenant, outcome.id, os.urandom(16).hex())
            await self.log.settle(key, outcome, due=names)
            self.begin(key, outcome, names)

    def begin(self, key: str, outcome: DeliveredOutcome, names: tuple[str, ...]) -> None:
        """Deliver what the log has as due.

        Args:
            key: of the answer.
            outcome: to deliver.
            names: of the destinations.
        """
        for name in names:
            self._dispatcher.offer(DueDelivery(key, name, outcome, 0, self._wall_clock()))
