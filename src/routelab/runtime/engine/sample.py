"""The engine's request and result: one sample of a call, with the attempts made for it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from routelab.runtime.attempts import AttemptResult, PieceSink
from routelab.runtime.trace_context import RequestTracer


class SampleAttempt(msgspec.Struct, frozen=True):
    """One attempt at one deployment.

    Attributes:
        model: that was asked.
        provider: who runs the deployment.
        sample: which of a call's samples it belongs to.
        queued_s: seconds that it waited for a free permit.
        learned: fields of ours that the deployment was found to refuse, as it took the request
            without them.
        objected: fields of ours that its refusal names.
        sent_s: when it was sent, of the engine's clock.
    """

    model: str
    provider: str
    sample: int
    queued_s: float
    result: AttemptResult
    learned: frozenset[str] = frozenset()
    objected: frozenset[str] = frozenset()
    sent_s: float = math.nan

    @property
    def unanswered(self) -> bool:
        """Whether it was sent, and it is not known whether it was answered and what it used."""
        known = (self.result.body or {}).get("usage")
        return self.result.kind in ("timeout", "cut", "stopped") and not known


class SampleRequest(msgspec.Struct, frozen=True):
    """One sample of a call.

    Attributes:
        model: to ask; its fallbacks come after it.
        tenant: who asks; empty where nobody says.
        deadline: of the engine's clock; nothing lasts longer.
        able: whether a fallback may be asked.
        sink: takes the answer as it comes.
        ours: fields of the body that the caller did not ask for.
        room: called with an attempt that failed before the next one is made; gives why there is no
            money for the next one, or None.
        trace: follows the request, if anybody does.
    """

    model: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    deadline: float = math.inf
    able: Callable[[str], bool] = bool
    sample: int = 0
    sink: PieceSink | None = None
    ours: frozenset[str] = frozenset()
    room: Callable[[SampleAttempt], Awaitable[str | None]] | None = None
    tenant: str = ""
    trace: RequestTracer | None = None


class SampleResult(msgspec.Struct, frozen=True):
    """The result of asking for a sample, beside its attempts.

    Attributes:
        last: the attempt that answered; None if none did.
        reasons: why no more was tried.
        troubles: what deployments said that were not asked now, for operators.
        retry_after_s: when a deployment may be asked again; None if one may already.
        over: a fallback would not help either, or is not needed.
    """

    last: SampleAttempt | None = None
    reasons: tuple[str, ...] = ()
    retry_after_s: float | None = None
    over: bool = False
    troubles: tuple[str, ...] = ()
