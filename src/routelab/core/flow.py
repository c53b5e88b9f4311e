"""The bookkeeping that every driver shares: one generator around a policy's own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator
from typing import TypeAlias

import msgspec

from routelab.core.chance import Branches
from routelab.core.context import Context
from routelab.core.decision import Decision, Step
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Deliver, Feedback, Together
from routelab.errors import NoModelError, PolicyError, RouteError

MAX_CALLS = 64
"""A policy that asks for more calls than this on one request is broken."""


Flow: TypeAlias = Generator[Together, tuple[Feedback, ...], Decision]


def flow(policy: Policy, x: Context) -> Flow:
    """Run a policy on one request; the driver only has to answer calls.

    Yields calls to make together, is sent their feedback in order, returns the decision.

    Raises:
        PolicyError: the policy asks for a model that is not allowed, for more than
            `MAX_CALLS` calls, or delivers an answer that nobody gave.
        RouteError: no call gave an answer; it carries the steps and what they cost.
    """
    steps, turn = x.steps, 0
    chance: _Chance | None = None
    x.admit()
    route = policy.route(x)
    delivered: Feedback | None = None
    try:
        asked = next(route)
        while True:
            together = asked if isinstance(asked, Together) else Together((asked,))
            _check(together, x, len(steps))
            together = _counted(together, steps)
            threshold = x.take_threshold()
            if x.choices:  # a policy that draws nothing pays nothing for its propensities
                chance = chance or _Chance(policy, x)
                x.propensity = chance.of_call(together)
            propensity = x.propensity
            answers = yield together
            for call, feedback in zip(together.calls, answers, strict=True):
                steps.append(Step(call, feedback, threshold, propensity, turn))
                x.spent_usd += feedback.cost_usd
                propensity = 1.0
            turn += 1
            x.called += tuple(call.model for call in together.calls)
            x.elapsed_s += _elapsed(together, answers)
            x.admit()
            asked = route.send(answers if isinstance(asked, Together) else answers[0])
    except StopIteration as stop:
        deliver: Deliver = stop.value
        delivered = deliver.seen
        x.end_propensity = _end_propensity(chance, policy, x)
    except NoModelError:
        if not steps:
            raise
        x.end_propensity = _end_propensity(chance, policy, x)
    finally:
        route.close()
        if chance is not None:
            chance.close()
    answer = _answer(delivered, steps, x)
    return Decision(
        x.request.id,
        answer,
        tuple(steps),
        tuple(x.choices),
        x.spent_usd,
        x.elapsed_s,
        tuple(x.scores),
        tuple(x.reasons or ()),
        x.end_propensity,
    )


class _Chance:
    """How probable what a policy does next is, given what it did.

    As long as every option of a draw calls another model, that is the draw's probability.
    """

    __slots__ = ("_branches", "_drawn", "_policy", "_x")

    def __init__(self, policy: Policy, x: Context) -> None:
        self._policy, self._x, self._drawn = policy, x, 0
        self._branches: Branches | None = None

    def of_call(self, together: Together) -> float:
        return self._all.of_call(together) if self._x.ambiguous else self._of_draws()

    def of_end(self) -> float:
        return self._all.of_end() if self._x.ambiguous else self._of_draws()

    def close(self) -> None:
        if self._branches is not None:
            self._branches.close()

    @property
    def _all(self) -> Branches:
        if self._branches is None:
            self._branches = Branches(lambda twin: flow(self._policy, twin), self._x)
        return self._branches

    def _of_draws(self) -> float:
        new = self._x.choices[self._drawn :]
        self._drawn += len(new)
        return math.prod(choice.propensity for choice in new)


def _end_propensity(chance: _Chance | None, policy: Policy, x: Context) -> float:
    if not x.choices:
        return 1.0
    return (chance or _Chance(policy, x)).of_end()


def drive(policy: Policy, x: Context, answer: Callable[[Call], Feedback]) -> Decision:
    """Run a policy on one request, with a function that answers each call.

    Of calls made together until the first answer, `answer` is asked for all; those that it
    says would have taken longer are reported as cancelled.

    Args:
        policy: to follow.
        x: the request, fresh: a context serves one decision.
        answer: gives the feedback of a call.
    Raises:
        PolicyError, RouteError: as `flow`.
    """
    running = flow(policy, x)
    try:
        together = next(running)
        while True:
            answers = tuple(answer(call) for call in together.calls)
            together = running.send(_raced(together, answers))
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


def cancelled(call: Call) -> Feedback:
    """What is known of a call that another one made needless."""
    return Feedback(call.model, dict.fromkeys(call.need, math.nan), error="cancelled")


def _counted(together: Together, steps: list[Step]) -> Together:
    """The calls, each told how often its model was asked the same before."""
    if not steps and len(together.calls) == 1:
        return together
    asked = Counter(step.call.model for step in steps if step.call.messages is None)
    calls = []
    for call in together.calls:
        again = asked[call.model] if call.messages is None else 0
        calls.append(msgspec.structs.replace(call, sample=again) if again else call)
        asked[call.model] += call.messages is None
    return msgspec.structs.replace(together, calls=tuple(calls))


def _check(together: Together, x: Context, made: int) -> None:
    if made + len(together.calls) > MAX_CALLS:
        raise PolicyError(f"request {x.request.id!r}: the policy asks for over {MAX_CALLS} calls")
    for call in together.calls:
        if call.model not in x.allowed:
            raise PolicyError(
                f"request {x.request.id!r}: the policy calls {call.model!r}, which is not allowed"
                f" (allowed: {', '.join(sorted(x.allowed)) or 'none'})"
            )


def _raced(together: Together, answers: tuple[Feedback, ...]) -> tuple[Feedback, ...]:
    """The answers as they would have come: the first one cancels what was still under way."""
    finished = [math.inf if math.isnan(it.latency_s) else it.latency_s for it in answers]
    good = [index for index, feedback in enumerate(answers) if feedback.accepted]
    if together.until == "all" or not good:
        return answers
    first = min(good, key=finished.__getitem__)
    return tuple(
        it if index == first or finished[index] < finished[first] else cancelled(call)
        for index, (call, it) in enumerate(zip(together.calls, answers, strict=True))
    )


def _elapsed(together: Together, answers: tuple[Feedback, ...]) -> float:
    good = [feedback.latency_s for feedback in answers if feedback.accepted]
    if together.until == "first" and good:
        return min(good)
    latencies = [feedback.latency_s for feedback in answers]
    return math.nan if any(map(math.isnan, latencies)) else max(latencies)


def _answer(delivered: Feedback | None, steps: list[Step], x: Context) -> Feedback:
    """The delivered answer, or the best earlier one where the final call failed."""
    if delivered is not None and all(step.feedback is not delivered for step in steps):
        raise PolicyError(
            f"request {x.request.id!r}: the policy delivers an answer of {delivered.model!r}"
            " that no call gave"
        )
    if delivered is not None and delivered.accepted:
        return delivered
    answered = [step for step in steps if step.feedback.accepted]
    if not answered:
        head = f"request {x.request.id!r}: no model answered{_spent(x.spent_usd)}"
        unasked = x.unasked()
        tail = [f"  not asked: {unasked}"] if unasked else []
        raise RouteError(
            head,
            *(f"  {step.call.model}: {_told(step.feedback)}" for step in steps),
            *tail,
            detail="\n".join(
                [head, *(f"  {it.call.model}: {_why(it.feedback)}" for it in steps), *tail]
            ),
            cost_usd=x.spent_usd,
            steps=tuple(steps),
            retry_after_s=_soonest(steps),
            end_propensity=x.end_propensity,
        )
    return max(enumerate(answered), key=lambda item: (_confidence(item[1]), item[0]))[1].feedback


def _spent(usd: float) -> str:
    """What trying has cost, where it has cost anything."""
    if math.isnan(usd):
        return " (what was spent is not known)"
    return f" ({usd:.6g} USD were spent)" if usd else ""


def _soonest(steps: list[Step]) -> float | None:
    """When one of the models may be asked again; None if one may be at once."""
    waits = [step.feedback.retry_after_s for step in steps]
    return None if None in waits else min((it for it in waits if it is not None), default=None)


def _told(feedback: Feedback) -> str:
    """Why an answer cannot be delivered, for whoever asked."""
    return _why(feedback) if feedback.told is None else feedback.told


def _why(feedback: Feedback) -> str:
    """Why an answer cannot be delivered, for operators."""
    return feedback.error or f"its answer was refused: {'; '.join(feedback.rejected)}"


def _confidence(step: Step) -> float:
    """The signal that the step asked for; an answer without one ranks lowest."""
    values = [step.feedback.signals.get(name, math.nan) for name in step.call.need]
    return next((value for value in values if not math.isnan(value)), -math.inf)
