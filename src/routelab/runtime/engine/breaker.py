"""Leave a deployment alone while it fails, and find out gently whether it still does.

Source: M. Nygard, Release It!, "Circuit Breaker".
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from routelab.core.catalogue import BreakerRules
from routelab.runtime.engine.window import OutcomeWindow

State: TypeAlias = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed lets calls through; open lets none; half-open lets a few through on trial.

    Every call that enters must leave, also when it was cancelled.
    """

    __slots__ = (
        "_epoch",
        "_open_s",
        "_open_until",
        "_passed",
        "_rules",
        "_state",
        "_trials",
        "_window",
    )

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._window = OutcomeWindow(rules.window_calls, rules.window_s)
        self._state: State = "closed"
        self._epoch = 0
        self._open_s = 0.0
        self._open_until = 0.0
        self._trials = 0
        self._passed = 0

    @property
    def on_trial(self) -> int:
        """Calls under way that decide whether it closes again."""
        return self._trials

    def state(self, now: float) -> State:
        """An open period that is over counts as half-open."""
        return "half-open" if self._state == "open" and now >= self._open_until else self._state

    def closed_until(self, now: float) -> float:
        """When a call may enter, as far as is known; not after `now` if it may already.

        A trial that is under way ends nobody knows when: then infinite.
        """
        if self._state == "open":
            return self._open_until
        full = self._state == "half-open" and self._trials + self._passed >= self._rules.probes
        return math.inf if full else now

    def stepped_back(self, now: float) -> None:
        """The clock went back: an open period lasts no longer than it was to last."""
        self._open_until = min(self._open_until, now + self._open_s)

    def enter(self, now: float) -> int:
        """Let a call through that `closed_until` admits; what it must leave with."""
        if self._state == "closed":
            return self._epoch
        if self._state == "open":
            self._become("half-open")
        self._trials += 1
        return self._epoch

    def leave(self, epoch: int, now: float, *, ok: bool | None, latency_s: float) -> None:
        """A call ended.

        Args:
            epoch: what it entered with; one that entered before the state changed counts no more.
            ok: None if the call says nothing of the deployment, for example a cancelled one.
        """
        if epoch != self._epoch:
            return
        slow = self._rules.slow_s is not None and latency_s >= self._rules.slow_s
        if self._state == "closed":
            if ok is not None:
                self._window.add(now, failed=not ok, slow=slow)
                if not ok or slow:
                    self._judge(now)
            return
        self._trials -= 1
        if ok is None:
            return
        if not ok or slow:
            self._open(now, min(2.0 * self._open_s, self._rules.max_open_s))
        else:
            self._passed += 1
            if self._passed >= self._rules.probes:
                self._become("closed")

    def _judge(self, now: float) -> None:
        n, rules = len(self._window), self._rules
        failing = self._window.failed >= rules.failure_rate * n
        slow = rules.slow_s is not None and self._window.slow >= rules.slow_rate * n
        if n >= rules.min_calls and (failing or slow):
            self._open(now, rules.open_s)

    def _open(self, now: float, period_s: float) -> None:
        self._open_s, self._open_until = period_s, now + period_s
        self._become("open")

    def _become(self, state: State) -> None:
        self._state = state
        self._epoch += 1
        self._trials = self._passed = 0
        self._window.clear()
