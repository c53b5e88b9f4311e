"""The protocol of what answers calls: a caller of deployments, or a guard of budgets before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from routelab.core import Call, Feedback
from routelab.runtime.calls.caller import Sending
from routelab.runtime.engine import SampleAttempt


class Calls(Protocol):
    """Answers calls."""

    async def call(
        self, call: Call, sending: Sending, attempts: list[SampleAttempt]
    ) -> Feedback: ...

    def cancelled(self, call: Call, attempts: Sequence[SampleAttempt]) -> Feedback: ...
