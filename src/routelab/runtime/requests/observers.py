"""Observers of a router, which are called when requests end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from routelab.core import Context, Decision, Request
from routelab.core.storage import AlertRecord, FeedbackRecord
from routelab.errors import RouteError
from routelab.runtime.budgets import Alert
from routelab.runtime.finished_request import FinishedRequest, answered, ended
from routelab.runtime.journal import Sink
from routelab.runtime.trace_context import GuardedTrace, PassedTrace, RequestTracer, TraceContext

_log = logging.getLogger("routelab")


class Observer(Protocol):
    """Called for what happens in a router, in its event loop: it should be quick.

    What it raises is logged and otherwise ignored.
    """

    def finished(self, finished: FinishedRequest) -> None:
        """A request is over."""

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """An answer was judged.

        Args:
            request_id: of the request that it answered.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
        """

    def alert(self, alert: Alert) -> None:
        """A share of a budget is spent."""


@runtime_checkable
class TracingObserver(Observer, Protocol):
    """An observer that follows requests from their beginning, and gives attempts spans to be in.

    Each of several observers hears of every request; attempts are in the spans of the first.
    """

    def begun(self, request: Request, context: TraceContext | None) -> RequestTracer | None:
        """A request is under way; `finished` is called with the very same one, in the same task.

        Args:
            request: as the policy sees it.
            context: of the trace that whoever asked is in.
        Returns:
            What says which headers its attempts are sent with; None to leave that to others.
        """


class Observers:
    """Passes the end of each request, judgements and alerts on to the log and all observers.

    Args:
        log: takes records; None for none.
        observers: called in their order.
        wall_clock: Unix seconds.
        trace_headers: endpoints are told of traces.
    """

    def __init__(
        self,
        log: Sink | None,
        observers: Sequence[Observer],
        wall_clock: Callable[[], float],
        trace_headers: bool = True,
    ) -> None:
        self.log = log
        self.observers = tuple(observers)
        self._tracing = tuple(it for it in observers if isinstance(it, TracingObserver))
        self._trace_headers = trace_headers
        self._wall_clock = wall_clock

    def begun(self, request: Request, context: TraceContext | None) -> RequestTracer | None:
        """Pass on that a request is under way.

        Args:
            request: as the policy sees it.
            context: of the trace that whoever asked is in.
        Returns:
            What its attempts ask for headers; None where there is nothing to be told.
        """
        told, traces = self._trace_headers, []
        for observer in self._tracing:
            try:
                traces.append(observer.begun(request, context))
            except Exception:  # noqa: BLE001  (a request outlives whoever watches it)
                _log.exception("an observer failed")
        for trace in traces:
            if trace is not None:
                return GuardedTrace(trace, told)
        return PassedTrace(context) if context is not None and told else None

    def answered(
        self, decision: Decision, request: Request, policy: str, latency_s: float, degraded: bool
    ) -> None:
        """Pass on a request that was answered.

        Args:
            decision: every call, and the answer delivered.
            request: that was answered.
            policy: SHA-256 of the policy that decided.
            latency_s: seconds from asking to the answer.
            degraded: a budget had it decided by the cheaper policy.
        """
        self._finished(
            answered(
                decision,
                request,
                policy,
                timestamp_s=self._wall_clock(),
                latency_s=latency_s,
                degraded=degraded,
            )
        )

    def ended(
        self, error: BaseException, x: Context, policy: str, latency_s: float, degraded: bool
    ) -> None:
        """Pass on a request that ended without an answer.

        Args:
            error: why.
            x: the request in the policy's hands, with the calls made.
            policy: SHA-256 of the policy that decided.
            latency_s: seconds from asking to the end.
            degraded: a budget had it decided by the cheaper policy.
        """
        if isinstance(error, RouteError) and error.detail != str(error):
            _log.info("%s", error.detail)  # whoever asked is told less
        self._finished(
            ended(
                error,
                x,
                policy,
                timestamp_s=self._wall_clock(),
                latency_s=latency_s,
                degraded=degraded,
            )
        )

    def feedback(self, request_id: str, quality: float, model: str | None, source: str) -> None:
        """Pass on the judgement of an answer.

        Args:
            request_id: of the request that it answered.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
            source: of the judgement, for people.
        """
        if self.log is not None:
            self.log.note(
                FeedbackRecord(
                    schema="routelab.feedback/1",
                    request_id=request_id,
                    quality=quality,
                    model=model,
                    source=source,
                    timestamp_s=self._wall_clock(),
                )
            )
        self._tell(lambda observer: observer.feedback(request_id, quality, model))

    def alert(self, alert: Alert) -> None:
        """Pass on that a share of a budget is spent."""
        early = alert.spent_usd < alert.share * alert.limit_usd  # reservations have no more room
        _log.warning(
            "budget of %s for %s: %.6g of %.6g USD are spent (alert at %.0f %%%s)",
            alert.account,
            alert.period,
            alert.spent_usd,
            alert.limit_usd,
            100.0 * alert.share,
            ", as a call was refused for want of room" if early else "",
        )
        if self.log is not None:
            self.log.note(
                AlertRecord(
                    schema="routelab.alert/1",
                    account=alert.account,
                    period=alert.period,
                    share=alert.share,
                    spent_usd=alert.spent_usd,
                    limit_usd=alert.limit_usd,
                    timestamp_s=self._wall_clock(),
                )
            )
        self._tell(lambda observer: observer.alert(alert))

    def close(self) -> None:
        """Write what is still queued."""
        if self.log is not None:
            self.log.close()

    def _finished(self, finished: FinishedRequest) -> None:
        if self.log is not None:
            self.log.write(finished)
        self._tell(lambda observer: observer.finished(finished))

    def _tell(self, say: Callable[[Observer], None]) -> None:
        for observer in self.observers:
            try:
                say(observer)
            except Exception:  # noqa: BLE001  (a request outlives whoever watches it)
                _log.exception("an observer failed")
