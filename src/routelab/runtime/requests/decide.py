"""Run a policy on one live request."""

from __future__ import annotations

import functools

import msgspec

from routelab.core import Call, Context, Decision, Feedback, Step, Together, flow
from routelab.errors import RouteError
from routelab.runtime.budgets import BudgetGuard
from routelab.runtime.calls import Sending, ask_together
from routelab.runtime.requests.active_policy import ActivePolicy
from routelab.runtime.requests.delivery import Delivery


async def decide(
    active: ActivePolicy,
    x: Context,
    sending: Sending,
    guard: BudgetGuard | None,
    delivery: Delivery | None,
) -> Decision:
    """What a policy decides, after all the calls that it makes for that.

    Args:
        guard: holds the calls to budgets, if there are any.
        delivery: takes the answer as it comes, if that is wanted.
    Raises:
        RouteError: no model answered.
        BudgetError: nothing was sent, because a budget has no room for it.
    """
    sending = msgspec.structs.replace(
        sending,
        able=lambda name, call: active.admission.admits(x, name) and not _answered(x, name, call),
    )
    running = flow(active.policy, x)
    try:
        together = next(running)
        while True:
            lost = functools.partial(_lost, x, together)
            answers = await ask_together(guard or active.caller, together, sending, lost)
            try:
                together = running.send(answers)
            finally:
                if delivery is not None:
                    delivery.check(x)
    except StopIteration as stop:
        decision: Decision = stop.value
    except RouteError as error:
        sent = any(step.feedback.attempts for step in x.steps)
        if guard is None or guard.refusal is None or sent:
            raise
        raise guard.refusal.told(error) from None
    finally:
        running.close()
    if guard is not None:
        await guard.kept(sending.deadline)  # an answer that was given is one that was charged
    if delivery is not None:
        await delivery.finish(decision)
    return decision


def _answered(x: Context, name: str, call: Call) -> bool:
    """Whether a model has answered these very messages: its answer would be bought twice."""
    return any(
        step.feedback.model == name
        and step.feedback.error is None
        and step.call.messages == call.messages
        for step in x.steps
    )


def _lost(x: Context, together: Together, known: tuple[Feedback, ...]) -> None:
    """The request is cancelled: keep what is known of the calls that were under way."""
    turn = x.steps[-1].turn + 1 if x.steps else 0
    for call, feedback in zip(together.calls, known, strict=True):
        x.steps.append(Step(call, feedback, turn=turn))
        x.spent_usd += feedback.cost_usd
