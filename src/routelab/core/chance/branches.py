"""The probability of a call: of all the ways that a policy's draws may go, those that make it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec

from routelab.core.chance.script import ScriptedContext
from routelab.core.context import Context
from routelab.core.decision import Step
from routelab.core.protocol import Call, Feedback, Together
from routelab.errors import RouteError

MOST_BRANCHES = 1024
"""Ways that are followed beside one request; where draws can go more ways nothing is said."""


class Branches:
    """A policy on one request along all its draws, as far as they lead to the calls that were made.

    A call is told by its model and its messages. A way that asks the same call for a signal, or
    for a gate's verdict, that was not obtained cannot be followed beyond it: what comes later has
    then no known probability.

    Args:
        run: starts the policy in a context, as `flow` does.
        x: the request, with the steps taken so far; read again at every question.
    """

    def __init__(self, run: Callable[[ScriptedContext], Any], x: Context) -> None:
        self._run, self._x = run, x
        self._started = 0
        self._unknown = False
        self._live = self._all_from([()])

    def of_call(self, together: Together) -> float:
        """Probability of these calls next, given those before; NaN where it is not known.

        Later questions are about what comes after them.
        """
        whole = self._up_to_date()
        kept = [it for it in self._live if it.asked is not None and _same(it.asked, together)]
        self._drop(kept)
        return self._share(sum(it.x.chance for it in kept), whole)

    def of_end(self) -> float:
        """Probability that no call follows those before; NaN where it is not known."""
        whole = self._up_to_date()
        return self._share(sum(it.x.chance for it in self._live if it.ended), whole)

    def close(self) -> None:
        """Follow no way any longer."""
        self._drop([])

    def _share(self, part: float, whole: float) -> float:
        return math.nan if self._unknown or whole <= 0.0 else min(1.0, part / whole)

    def _up_to_date(self) -> float:
        """Tell every way what was answered; the probability of all that are left."""
        turns = _turns(self._x.steps)
        live: list[_Branch] = []
        for it in self._live:
            opened = len(it.x.open)
            self._follow(it, turns, live)
            live += self._all_from(it.x.open[opened:])
        self._live = live
        return math.fsum(it.x.chance for it in live)

    def _all_from(self, scripts: Sequence[tuple[int, ...]]) -> list[_Branch]:
        """The ways that begin so and make the calls that were made."""
        turns, waiting = _turns(self._x.steps), list(scripts)
        live: list[_Branch] = []
        while waiting:
            if self._started == MOST_BRANCHES:
                self._unknown = True
                break
            self._started += 1
            branch = _Branch.begun(self._run, self._x, waiting.pop())
            self._follow(branch, turns, live)
            waiting += branch.x.open
        return live

    def _follow(self, it: _Branch, turns: Sequence[Sequence[Step]], live: list[_Branch]) -> None:
        """Bring a way to where the request is, and keep it if it comes there."""
        while it.turns < len(turns):
            steps = turns[it.turns]
            if it.asked is None or not _same_calls(it.asked.calls, [one.call for one in steps]):
                return it.close()
            heard = [
                _heard(call, step, bounded=self._x.request.bounded)
                for call, step in zip(it.asked.calls, steps, strict=True)
            ]
            if None in heard:
                self._unknown = True
                return it.close()
            it.hear(tuple(heard))
        live.append(it)
        return None

    def _drop(self, kept: list[_Branch]) -> None:
        for it in self._live:
            if it not in kept:
                it.close()
        self._live = kept


@dataclass(eq=False)
class _Branch:
    """One way.

    Attributes:
        running: the policy, as `flow` runs it.
        x: the request in its hands.
        turns: that it has heard the answers of.
        asked: what it calls next; None where it calls nothing more.
        ended: it came to its end, with an answer or without.
    """

    running: Any
    x: ScriptedContext
    turns: int = 0
    asked: Together | None = None
    ended: bool = False

    @classmethod
    def begun(
        cls, run: Callable[[ScriptedContext], Any], x: Context, script: tuple[int, ...]
    ) -> _Branch:
        twin = x.twin(ScriptedContext, script=script, scored=x.scores)
        made = cls(run(twin), twin)
        made.go_on(None)
        return made

    def hear(self, answers: tuple[Any, ...]) -> None:
        """What its calls gave, and so what it calls next."""
        self.turns += 1
        self.go_on(answers)

    def close(self) -> None:
        self.running.close()

    def go_on(self, answers: tuple[Any, ...] | None) -> None:
        """Run the policy to its next calls, or to its end."""
        self.asked = None
        try:
            self.asked = self.running.send(answers)
        except (StopIteration, RouteError):
            self.ended = True
        except Exception:  # noqa: BLE001  (it was not taken, and the request must not break)
            self.ended = False


def _turns(steps: Sequence[Step]) -> list[list[Step]]:
    return [list(of) for _, of in groupby(steps, lambda step: step.turn)]


def _same(one: Together, other: Together) -> bool:
    alike = len(one.calls) == 1 or one.until == other.until
    return alike and _same_calls(one.calls, other.calls)


def _same_calls(calls: Sequence[Call], others: Sequence[Call]) -> bool:
    return [_key(call) for call in calls] == [_key(call) for call in others]


def _key(call: Call) -> tuple[Any, ...]:
    return call.model, call.messages, call.sample


def _heard(call: Call, made: Step, *, bounded: bool) -> Feedback | None:
    """What a call would have brought, where the like was made; None where that is not known."""
    seen, other = made.feedback, made.call
    if call.need == other.need and call.gates == other.gates:
        return seen
    if seen.error is not None:
        return msgspec.structs.replace(seen, signals=dict.fromkeys(call.need, math.nan))
    if bounded or not set(call.need) <= set(other.need):
        return None  # with a bound, what a signal costs may decide too
    passed = not seen.rejected and all(gate in other.gates for gate in call.gates)
    return seen if passed or call.gates == other.gates else None
