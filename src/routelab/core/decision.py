"""What deciding one request leaves behind: its calls, its draws, and what scorers said."""

from __future__ import annotations

import msgspec

from routelab.core.protocol import Call, Feedback


class Choice(msgspec.Struct, frozen=True):
    """One random decision and the probability with which it was taken.

    Attributes:
        name: of the decision; a policy may take several on one request.
        index: of the option that was drawn, from 0.
        propensity: its probability, in (0, 1].
    """

    name: str
    index: int
    propensity: float


class Score(msgspec.Struct, frozen=True):
    """What a scorer said while a policy decided.

    Attributes:
        name: of the scorer.
        after: the model whose answer it was told of; None before any.
        values: by output.
    """

    name: str
    after: str | None
    values: tuple[tuple[str, float], ...]


class Step(msgspec.Struct, frozen=True):
    """One call of a decision, what came back, and the threshold it was held to.

    Attributes:
        call: what was asked.
        feedback: what came back.
        threshold: that the signal was held to; None where the policy compared nothing.
        propensity: probability of the call, given the calls before it and what they gave, over all
            that the policy might have drawn; NaN where that is not known. Of calls made together
            the first carries that of them all.
        turn: calls of one turn were made together.
    """

    call: Call
    feedback: Feedback
    threshold: float | None = None
    propensity: float = 1.0
    turn: int = 0


class Decision(msgspec.Struct, frozen=True):
    """Everything one request went through.

    Attributes:
        request_id: of the request.
        answer: the feedback delivered.
        steps: in call order, discarded answers included.
        choices: random decisions with their propensities.
        cost_usd: costs of all steps, added in call order.
        latency_s: seconds until delivery; calls made together count once.
        scores: what scorers said on the way, in the order they were asked.
        reasons: of the policy's choices, in words; empty unless they were asked for.
        end_propensity: probability of no further call, given all calls; NaN if it is not known.
    """

    request_id: str
    answer: Feedback
    steps: tuple[Step, ...]
    choices: tuple[Choice, ...]
    cost_usd: float
    latency_s: float
    scores: tuple[Score, ...] = ()
    reasons: tuple[str, ...] = ()
    end_propensity: float = 1.0

    @property
    def models(self) -> tuple[str, ...]:
        """Models called, in call order."""
        return tuple(step.call.model for step in self.steps)
