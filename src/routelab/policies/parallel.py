"""Ask several models at once and deliver one answer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from routelab.core import Call, Context, Deliver, Feedback, Policy, Route, Together, ask
from routelab.core.messages import listed
from routelab.errors import PolicyError
from routelab.policies.checks import models_problems


class Parallel(Policy, frozen=True, tag="parallel"):
    """Ask every allowed model of `models` at once.

    Attributes:
        models: two or more; of equals the earlier one is delivered.
        pick: "first" delivers the first acceptable answer and cancels the others, "confident"
            the one of greatest confidence, "majority" one that most models gave: alike but for
            case, white space and a final full stop.
        signal: of confidence, for "confident" only.
    Source: majority vote over answers, Wang et al. 2022, arXiv 2203.11171.
    """

    models: tuple[str, ...]
    pick: Literal["first", "confident", "majority"] = "first"
    signal: str = ""

    def __post_init__(self) -> None:
        problems = list(models_problems("a parallel", self.models, 2))
        if (self.pick == "confident") != bool(self.signal):
            problems.append(
                f"a parallel that picks {self.pick!r} "
                + ("names no signal" if self.signal else "needs the signal of confidence")
            )
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        asked = x.left(self.models)
        if len(asked) == 1:
            return Deliver((yield from ask(Call(asked[0], final=True))))
        calls = tuple(Call(model, need=self.signals_used) for model in asked)
        answers = yield Together(calls, until="first" if self.pick == "first" else "all")
        assert isinstance(answers, tuple)  # drivers answer a Together by a tuple
        accepted = [seen for seen in answers if seen.accepted]
        return Deliver(_PICKS[self.pick](self, accepted) if accepted else answers[-1])

    def _confident(self, answers: Sequence[Feedback]) -> Feedback:
        def confidence(seen: Feedback) -> float:
            value = seen.signals[self.signal]
            return -math.inf if math.isnan(value) else value

        return max(answers, key=confidence)

    def _majority(self, answers: Sequence[Feedback]) -> Feedback:
        votes = Counter(_folded(seen.text) for seen in answers)
        return max(answers, key=lambda seen: votes[_folded(seen.text)])

    def _first(self, answers: Sequence[Feedback]) -> Feedback:
        return answers[0]

    @property
    def explained(self) -> tuple[str, ...]:
        picks = {
            "first": "the first acceptable answer",
            "confident": f"the answer of greatest {self.signal}",
            "majority": "the answer that most of them gave",
        }
        return (f"Ask {listed(self.models)} at once; deliver {picks[self.pick]}.",)

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models

    @property
    def signals_used(self) -> tuple[str, ...]:
        return (self.signal,) if self.signal else ()

    @property
    def reads_answers(self) -> bool:
        return self.pick == "majority"


_PICKS: dict[str, Callable[[Parallel, Sequence[Feedback]], Feedback]] = {
    "first": Parallel._first,
    "confident": Parallel._confident,
    "majority": Parallel._majority,
}


def _folded(text: str | None) -> str:
    """An answer as votes are counted."""
    return " ".join((text or "").split()).rstrip(".").casefold()
