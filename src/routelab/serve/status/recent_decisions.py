"""The latest decisions with their calls and reasons, without any text of prompts and answers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import msgspec

from routelab.core import Step
from routelab.runtime import FinishedRequest

_CHARS = 300
"""Of a text from elsewhere; the decision log has the rest."""
_CALLS = 20
"""Of one decision; the decision log has the rest."""


class CallSummary(msgspec.Struct, frozen=True):
    """One call of a decision.

    Attributes:
        model: that answered, or failed to.
        asked: the model that the policy asked, where a fallback took its place; else empty.
        signals: confidence by name; None where there was none.
        threshold: that the signal was held to; None where the policy compared nothing.
        cost_usd, latency_s: None if not known.
        attempts: at deployments.
        error: why there is no answer; empty if there is one.
        rejected: why gates refused the answer.
        delivered: its answer is the one that the caller got.
    """

    model: str
    asked: str = ""
    signals: Mapping[str, float | None] = {}
    threshold: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    attempts: int = 0
    error: str = ""
    rejected: tuple[str, ...] = ()
    delivered: bool = False

    @property
    def words(self) -> str:
        """What came of the call, and what that meant to the policy."""
        who = f"{self.model} in place of {self.asked}" if self.asked else self.model
        if self.error:
            return f"{who} failed: {self.error}"
        if self.rejected:
            return f"{who}: gates refused the answer: {'; '.join(self.rejected)}"
        if self.threshold is None or not self.signals:
            return f"{who} answered"
        if math.isinf(self.threshold):
            return f"{who} answered; its answer is taken as it is"
        name, value = next(iter(self.signals.items()))
        if value is None:
            return f"{who} answered; {name} could not be had, which counts as unsure"
        held = "reaches" if value >= self.threshold else "is below"
        return f"{who} answered; {name} {value:.3g} {held} the threshold {self.threshold:.3g}"


class DecisionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is over, as the status page lists it.

    Attributes:
        id: of the request.
        at_s: Unix seconds at which it ended.
        policy: SHA-256 of the policy that decided.
        tenant, task, priority: as the request had them.
        status: how it ended.
        model: that gave the answer; empty without one.
        cost_usd: of all calls; None if one is unknown.
        latency_s: seconds from asking to the end.
        degraded: a budget had it decided by the cheaper policy.
        error: why there is no answer; empty if there is one.
        calls: in order.
        reasons: of the policy's choices, in words.
    """

    id: str
    at_s: float
    policy: str
    tenant: str
    task: str
    priority: str
    status: str
    model: str
    cost_usd: float | None
    latency_s: float | None
    degraded: bool
    error: str
    calls: tuple[CallSummary, ...]
    reasons: tuple[str, ...]


class RecentDecisions:
    """Keeps the latest finished requests.

    Args:
        most: how many.
        redact: takes out of errors what identifies people.
    """

    def __init__(self, most: int, redact: Callable[[str], str] = str) -> None:
        self._redact = redact
        self._kept: deque[DecisionSummary] = deque(maxlen=most)

    def finished(self, finished: FinishedRequest) -> None:
        """Keep a request, and drop the oldest."""
        if self._kept.maxlen:
            self._kept.append(_summary(finished, self._redact))

    def latest(self) -> tuple[DecisionSummary, ...]:
        """The latest first."""
        return tuple(reversed(self._kept))


def _summary(finished: FinishedRequest, redact: Callable[[str], str]) -> DecisionSummary:
    request, answer = finished.request, finished.answer
    return DecisionSummary(
        id=request.id,
        at_s=finished.timestamp_s,
        policy=finished.policy,
        tenant=_short(request.tenant),
        task=_short(request.task),
        priority=_short(request.priority),
        status=finished.status,
        model="" if answer is None else answer.model,
        cost_usd=_known(finished.cost_usd),
        latency_s=_known(finished.latency_s),
        degraded=finished.degraded,
        error=_short(redact(finished.error)) if finished.error else "",
        calls=tuple(
            [_call(step, step.feedback is answer, redact) for step in finished.steps[:_CALLS]]
        ),
        reasons=tuple(_reasons(finished)),
    )


def _call(step: Step, delivered: bool, redact: Callable[[str], str]) -> CallSummary:
    it = step.feedback
    return CallSummary(
        model=it.model,
        asked=step.call.model if step.call.model != it.model else "",
        signals={name: _known(value) for name, value in it.signals.items()},
        threshold=step.threshold,
        cost_usd=_known(it.cost_usd),
        latency_s=_known(it.latency_s),
        attempts=len(it.attempts),
        error=_short(redact(it.error)) if it.error else "",
        rejected=tuple([_short(redact(why)) for why in it.rejected]),
        delivered=delivered,
    )


def _reasons(finished: FinishedRequest) -> Iterator[str]:
    """What the policy says itself, and then what it drew."""
    for reason in finished.reasons[:_CALLS]:
        yield _short(reason)
    for it in finished.choices[:_CALLS]:
        yield _short(f"drew {it.name}: option {it.index}, of probability {it.propensity:.3g}")


def _short(text: str) -> str:
    return text if len(text) <= _CHARS else text[: _CHARS - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
