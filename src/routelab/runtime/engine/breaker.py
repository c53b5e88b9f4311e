"""Leave a deployment alone while it fails, and find out gently whether it still does.

A failure may lie in what one caller asks, and nobody knows the words of every provider for that.
So a doubtful failure counts once for each caller, however often it comes. Where only repetitions
make a deployment look ill, it is closed to those who repeat, and stays open for anybody else, whose
calls show what is true: a good one ends it, and different ones that fail open it for all.

Source: M. Nygard, Release It!, "Circuit Breaker"; who is left out is routelab's own.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Literal, TypeAlias

from routelab.core.catalogue import BreakerRules
from routelab.runtime.engine.asker import Asker
from routelab.runtime.engine.window import OutcomeWindow

State: TypeAlias = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed lets calls through; open lets none; half-open lets a few through on trial.

    Every call that enters must leave, also when it was cancelled.
    """

    __slots__ = (
        "_blamed",
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
        self._blamed: frozenset[Hashable] = frozenset()
        """For whom alone it is not closed; empty for all."""
        self._epoch = 0
        self._open_s = 0.0
        self._open_until = 0.0
        self._trials = 0
        self._passed = 0

    @property
    def on_trial(self) -> int:
        """Calls under way that decide whether it closes again."""
        return self._trials

    def state(self, now: float, asker: Asker | None = None) -> State:
        """An open period that is over counts as half-open.

        Args:
            asker: for whom; None for those to whom it is worst.
        """
        if self._spares(asker):
            return "closed"
        return "half-open" if self._state == "open" and now >= self._open_until else self._state

    def closed_until(self, now: float, asker: Asker | None = None) -> float:
        """When a call may enter, as far as is known; not after `now` if it may already.

        A trial that is under way ends nobody knows when: then infinite.

        Args:
            asker: whose call; None for those to whom it is worst.
        """
        if self._state == "closed" or self._spares(asker):
            return now
        if self._state == "open":
            return self._open_until
        return math.inf if self._trials + self._passed >= self._rules.probes else now

    def stepped_back(self, now: float) -> None:
        """The clock went back: an open period lasts no longer than it was to last."""
        self._open_until = min(self._open_until, now + self._open_s)

    def enter(self, now: float, asker: Asker | None = None) -> int:
        """Let a call through that `closed_until` admits; what it must leave with."""
        if self._state == "closed" or self._spares(asker):
            return self._epoch
        if self._state == "open":
            self._become("half-open", self._blamed)
        self._trials += 1
        return self._epoch

    def leave(
        self,
        epoch: int,
        now: float,
        *,
        ok: bool | None,
        latency_s: float,
        asker: Asker | None = None,
        doubtful: bool = False,
    ) -> None:
        """A call ended.

        Args:
            epoch: what it entered with; one that entered before the state changed counts no more.
            ok: None if the call says nothing of the deployment, for example a cancelled one.
            asker: whose call it was.
            doubtful: that it failed may lie in what was asked.
        """
        if epoch != self._epoch:
            return
        slow = self._rules.slow_s is not None and latency_s >= self._rules.slow_s
        who = asker.identity if doubtful and ok is False and asker is not None else None
        if self._state == "closed" or self._spares(asker):
            if ok is not None:
                self._window.add(now, failed=not ok, slow=slow, asker=who)
                if not ok or slow:
                    self._judge(now)
                elif self._state != "closed":
                    self._become("closed")  # it is well, but for those who are left out
            return
        if self._state == "open":
            return  # of one who was left out while it was under way
        self._trials -= 1
        if ok is None:
            return
        if not ok or slow:
            blamed = self._blamed if who is not None else frozenset()
            self._open(now, min(2.0 * self._open_s, self._rules.max_open_s), blamed)
        else:
            self._passed += 1
            if self._passed >= self._rules.probes:
                self._become("closed")

    def _spares(self, asker: Asker | None) -> bool:
        """Whether a state other than closed is not meant for whoever asks."""
        return bool(self._blamed) and asker is not None and asker.identity not in self._blamed

    def _judge(self, now: float) -> None:
        rules, window = self._rules, self._window
        n, repeated = len(window), window.repeated
        slow = rules.slow_s is not None and window.slow >= rules.slow_rate * n
        if (n >= rules.min_calls and slow) or self._fails(n - repeated, window.failed - repeated):
            self._open(now, rules.open_s)
        elif self._fails(n, window.failed):
            self._blamed |= self._repeaters()
            self._state, self._open_s, self._open_until = "open", rules.open_s, now + rules.open_s

    def _fails(self, n: int, failed: int) -> bool:
        return n >= self._rules.min_calls and failed >= self._rules.failure_rate * n

    def _repeaters(self) -> frozenset[Hashable]:
        """The fewest callers without whose failures the deployment looks well."""
        n, failed = len(self._window), self._window.failed
        blamed = []
        for who, times in self._window.doubted.most_common():
            if not self._fails(n, failed):
                break
            blamed.append(who)
            n, failed = n - times, failed - times
        return frozenset(blamed)

    def _open(self, now: float, period_s: float, blamed: frozenset[Hashable] = frozenset()) -> None:
        self._open_s, self._open_until = period_s, now + period_s
        self._become("open", blamed)

    def _become(self, state: State, blamed: frozenset[Hashable] = frozenset()) -> None:
        self._state = state
        self._blamed = blamed
        self._epoch += 1
        self._trials = self._passed = 0
        self._window.clear()
