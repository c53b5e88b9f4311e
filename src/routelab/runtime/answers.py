"""Whatever answers calls: a caller of deployments, or one that asks the budgets first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from routelab.core.protocol import Call, Feedback
from routelab.runtime.caller import Sending
from routelab.runtime.engine import Try


class Calls(Protocol):
    """Answers calls."""

    async def call(self, call: Call, sending: Sending, tries: list[Try]) -> Feedback: ...

    def cancelled(self, call: Call, tries: Sequence[Try]) -> Feedback: ...
