"""The latest decisions, by their ids, so that what comes later is joined to them."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from routelab.runtime import FinishedRequest
from routelab.runtime.budgets import Alert


class KnownDecision(NamedTuple):
    """What is remembered of a decision.

    Attributes:
        policy: SHA-256 of the policy that decided.
        tenant: whose request it was.
        models: that were called.
        model: that gave the answer; None where there was none.
    """

    policy: str
    tenant: str
    models: tuple[str, ...]
    model: str | None


class DecisionMemory:
    """Observes routers, and remembers their latest decisions.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, KnownDecision] = OrderedDict()

    def find(self, request_id: str) -> KnownDecision | None:
        """The latest decision with this id, if it is remembered."""
        return self._known.get(request_id)

    def finished(self, finished: FinishedRequest) -> None:
        """Remember a request's decision."""
        request, answer = finished.request, finished.answer
        models = tuple([step.call.model for step in finished.steps])
        self._known[request.id] = KnownDecision(
            finished.policy, request.tenant, models, None if answer is None else answer.model
        )
        self._known.move_to_end(request.id)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """Judgements are for the log and the metrics."""

    def alert(self, alert: Alert) -> None:
        """So are alerts."""
