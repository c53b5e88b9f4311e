"""Decisions whose calls somebody else makes, until their outcomes are reported."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from routelab.core import Decision, Request
from routelab.errors import RouteError
from routelab.runtime import FinishedRequest
from routelab.serve.decisions.decider import DecisionState, PolicyDecider
from routelab.serve.decisions.outcomes import Reported


class OpenRoute(msgspec.Struct, frozen=True):
    """A decision that waits for what comes of its calls.

    Attributes:
        decider: that began it.
        policy: by name.
        request: that is decided on.
        state: how far it has come.
        reported: for each turn so far, what came of its calls.
        candidates: models that may be called; None for all of the policy's.
    """

    decider: PolicyDecider
    policy: str
    request: Request
    state: DecisionState
    reported: Reported = ()
    candidates: frozenset[str] | None = None


class RouteMemory:
    """The latest decisions that are open, by tenant and id.

    Args:
        most: how many.
        record: takes those that are over, for the decision log and the metrics.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        most: int,
        record: Callable[[FinishedRequest], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._most = most
        self._record = record
        self._wall_clock = wall_clock
        self._open: OrderedDict[tuple[str, str], OpenRoute] = OrderedDict()

    def put(self, route: OpenRoute) -> None:
        """Remember an open decision."""
        key = route.request.tenant, route.request.id
        self._open[key] = route
        self._open.move_to_end(key)
        if len(self._open) > self._most:
            self._open.popitem(last=False)

    def find(self, tenant: str, route_id: str) -> OpenRoute | None:
        """An open decision of a tenant."""
        return self._open.get((tenant, route_id))

    def over(self, route: OpenRoute, decision: Decision) -> None:
        """A decision is made, and its answer delivered."""
        self._end(
            route,
            FinishedRequest(
                request=route.request,
                policy=route.decider.digest,
                status="answered",
                timestamp_s=self._wall_clock(),
                latency_s=decision.latency_s,
                cost_usd=decision.cost_usd,
                steps=decision.steps,
                choices=decision.choices,
                scores=decision.scores,
                answer=decision.answer,
                end_propensity=decision.end_propensity,
            ),
        )

    def failed(self, route: OpenRoute, error: RouteError) -> None:
        """No call gave an answer."""
        latency_s = sum(step.feedback.latency_s for step in error.steps)
        self._end(
            route,
            FinishedRequest(
                request=route.request,
                policy=route.decider.digest,
                status="failed",
                timestamp_s=self._wall_clock(),
                latency_s=latency_s,
                cost_usd=error.cost_usd,
                steps=error.steps,
                error=str(error),
            ),
        )

    def _end(self, route: OpenRoute, finished: FinishedRequest) -> None:
        self._open.pop((route.request.tenant, route.request.id), None)
        self._record(finished)
