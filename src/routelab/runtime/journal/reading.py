"""A line of the decision log as the request it was made from, as far as it tells."""

from __future__ import annotations

import math

from routelab.core import Attempt, Call, Choice, Feedback, Request, Score, Step
from routelab.core.storage import AttemptRecord, Record, StepRecord
from routelab.runtime.finished_request import FinishedRequest


def finished_request(record: Record) -> FinishedRequest:
    """The request that a record of a decision log describes."""
    steps = tuple(_step(it) for it in record.steps)
    answers = [
        it.feedback
        for it in steps
        if it.feedback.error is None and it.feedback.model == record.model
    ]
    return FinishedRequest(
        request=Request(
            record.request_id,
            record.messages,
            record.task,
            record.group,
            record.tenant,
            record.priority,
            record.needs,
            record.max_cost_usd,
            record.deadline_s,
        ),
        policy=record.policy,
        status=record.status,
        timestamp_s=record.timestamp_s,
        latency_s=_or_nan(record.latency_s),
        cost_usd=_or_nan(record.cost_usd),
        steps=steps,
        choices=tuple(Choice(it.name, it.index, it.propensity) for it in record.choices),
        scores=tuple(
            Score(it.name, it.after, tuple((key, _or_nan(of)) for key, of in it.values.items()))
            for it in record.scores
        ),
        answer=answers[-1] if answers else None,
        error=record.error,
        degraded=record.degraded,
        end_propensity=_or_nan(record.end_propensity),
    )


def _step(it: StepRecord) -> Step:
    feedback = Feedback(
        model=it.answered_by or it.model,
        signals={name: _or_nan(value) for name, value in it.signals.items()},
        cost_usd=_or_nan(it.cost_usd),
        latency_s=_or_nan(it.latency_s),
        error=it.error,
        rejected=it.rejected,
        text=it.response,
        deployment=it.deployment,
        notes=it.notes,
        completion_tokens=_or_nan(it.completion_tokens),
        attempts=tuple(_attempt(one) for one in it.attempts),
    )
    call = Call(it.model, tuple(it.signals), final=it.final)
    return Step(call, feedback, it.threshold, _or_nan(it.propensity), it.turn)


def _attempt(it: AttemptRecord) -> Attempt:
    return Attempt(
        model=it.model,
        deployment=it.deployment,
        provider=it.provider,
        sample=it.sample,
        status=it.status,
        error=it.error,
        queued_s=it.queued_s,
        latency_s=_or_nan(it.latency_s),
        first_token_s=_or_nan(it.first_token_s),
        prompt_tokens=_or_nan(it.prompt_tokens),
        completion_tokens=_or_nan(it.completion_tokens),
        cost_usd=_or_nan(it.cost_usd),
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
