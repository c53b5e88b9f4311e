"""Answers must pass gates: ask again with what was wrong, then go on to the next model."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TypeAlias

from msgspec import structs

from routelab.core import (
    Call,
    Child,
    Context,
    Deliver,
    Feedback,
    Gate,
    Message,
    Policy,
    Route,
    Together,
    ask,
)
from routelab.core.messages import listed
from routelab.errors import PolicyError
from routelab.gates import AnyGate

MOST_AGAIN = 5
"""How often a model may be asked again for one answer, at most."""

_Heard: TypeAlias = Feedback | tuple[Feedback, ...]
_Given: TypeAlias = dict[int, tuple[Feedback, Feedback]]
"""By its id, what the policy was told, kept so that no other gets that id, and what came back."""


class Gated(Policy, frozen=True, tag="gated"):
    """Follow `policy`, and let no answer count that a gate refuses.

    A model whose answer is refused is asked again, told what was wrong, up to `again` times;
    calls made together are not. An answer that is still refused is to the policy a call that
    failed: a cascade asks its next model. If nothing acceptable is left, the request fails with
    every gate's reason. A gated answer does not stream before it has passed.

    Attributes:
        gates: all of them must let an answer pass; at least one.
        again: in [0, 5]. What a model answers when it is told of a mistake is in no log, so a
            replay counts such requests as not covered.
    """

    policy: Child
    gates: tuple[AnyGate, ...]
    again: int = 0

    def __post_init__(self) -> None:
        problems = []
        if not self.gates:
            problems.append("gated names no gate; use its policy alone")
        if not 0 <= self.again <= MOST_AGAIN:
            problems.append(f"again of gated is {self.again}; it lies in [0, {MOST_AGAIN}]")
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        following = self.policy.route(x)
        given: _Given = {}
        try:
            asked = next(following)
            while True:
                heard = yield from self._ask(x, asked, given)
                asked = following.send(heard)
        except StopIteration as stop:
            deliver: Deliver = stop.value
            _, seen = given.get(id(deliver.seen), (deliver.seen, deliver.seen))
            return Deliver(seen)
        finally:
            following.close()

    def _ask(
        self, x: Context, asked: Call | Together, given: _Given
    ) -> Generator[Call | Together, _Heard, _Heard]:
        if isinstance(asked, Together):
            calls = tuple(self._gated(call) for call in asked.calls)
            answers = yield structs.replace(asked, calls=calls)
            assert isinstance(answers, tuple)  # drivers answer a Together by a tuple
            return tuple(_told(seen, given) for seen in answers)
        threshold, call = x.threshold, self._gated(asked)
        for _ in range(self.again + 1):
            x.threshold = threshold
            seen = yield from ask(call)
            if seen.accepted or seen.error or call.model not in x.allowed:
                break
            call = structs.replace(call, messages=_corrected(x, call, seen))
        return _told(seen, given)

    def _gated(self, call: Call) -> Call:
        return structs.replace(call, gates=call.gates + self.gates, final=False)

    @property
    def explained(self) -> tuple[str, ...]:
        names = listed([gate.name for gate in self.gates], "or")
        told = f"; its model is told what was wrong and asked again, up to {self.again} times"
        asked = told if self.again else ""
        return (
            *self.policy.explained,
            f"No answer counts that is refused by {names}{asked}.",
        )

    @property
    def parts(self) -> tuple[Policy, ...]:
        return (self.policy,)

    @property
    def gates_used(self) -> tuple[Gate, ...]:
        return self.gates + super().gates_used


def _told(seen: Feedback, given: _Given) -> Feedback:
    """What the policy hears: a refused answer as a call that failed."""
    if not seen.rejected:
        return seen
    told = structs.replace(
        seen,
        error="; ".join(seen.rejected),
        signals=dict.fromkeys(seen.signals, math.nan),
        rejected=(),
    )
    given[id(told)] = told, seen
    return told


def _corrected(x: Context, call: Call, seen: Feedback) -> tuple[Message, ...]:
    """The conversation so far, the refused answer, and what was wrong with it."""
    before = call.messages if call.messages is not None else x.request.messages or ()
    wrong = "; ".join(seen.rejected)
    said = f"That answer was not accepted: {wrong}. Answer the request again without that mistake."
    return (
        *before,
        {"role": "assistant", "content": seen.text or ""},
        {"role": "user", "content": said},
    )
