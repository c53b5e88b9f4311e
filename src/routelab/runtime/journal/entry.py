"""A finished request as a line of the decision log."""

from __future__ import annotations

import hashlib
import hmac
import math
import os
from collections.abc import Iterable
from typing import Any

import msgspec

from routelab.core import Attempt, Step
from routelab.core.storage import AttemptRecord, ChoiceRecord, Record, ScoreRecord, StepRecord
from routelab.runtime.finished_request import FinishedRequest
from routelab.runtime.journal.sink import Note
from routelab.runtime.redaction import Redactor
from routelab.signals import prompt_text

_SHORTEST = 8
"""Characters of a value that can be a key; a shorter one would blot out innocent text."""


def record(
    finished: FinishedRequest, *, texts: bool = False, hash_key: bytes | None = None
) -> Record:
    """The record of a request, as a decision log holds it.

    Args:
        finished: the request.
        texts: the prompt and the answers too.
        hash_key: makes the prompt's hash one that nobody without the key can repeat.
    """
    request, answer = finished.request, finished.answer
    return Record(
        schema="routelab.decision/1",
        request_id=request.id,
        timestamp_s=finished.timestamp_s,
        status=finished.status,
        policy=finished.policy,
        degraded=finished.degraded,
        task=request.task,
        group=request.group,
        tenant=request.tenant,
        priority=request.priority,
        needs=request.needs,
        max_cost_usd=request.max_cost_usd,
        deadline_s=request.deadline_s,
        prompt_hash=_hashed(prompt_text(request.messages), hash_key),
        model=answer.model if answer else None,
        deployment=answer.deployment if answer else None,
        cost_usd=finished.cost_usd,
        latency_s=finished.latency_s,
        error=finished.error,
        steps=tuple([_step(step, texts) for step in finished.steps]),
        choices=tuple([ChoiceRecord(it.name, it.index, it.propensity) for it in finished.choices]),
        scores=tuple([ScoreRecord(it.name, dict(it.values), it.after) for it in finished.scores]),
        messages=request.messages if texts else None,
        propensity_of="calls" if finished.choices else "draws",
        end_propensity=_end_propensity(finished),
    )


def redacted(written: Record, redactor: Redactor) -> Record:
    """The record with its free texts redacted: messages, answers, errors, notes and refusals.

    Ids, tenants, tasks and names stay: records are joined by them.
    """
    text = redactor.logged

    def maybe(value: str | None) -> str | None:
        return None if value is None else text(value)

    steps = tuple(
        [
            msgspec.structs.replace(
                it,
                error=maybe(it.error),
                response=maybe(it.response),
                notes=tuple(map(text, it.notes)),
                rejected=tuple(map(text, it.rejected)),
                attempts=tuple(
                    [msgspec.structs.replace(one, error=maybe(one.error)) for one in it.attempts]
                ),
            )
            for it in written.steps
        ]
    )
    messages = written.messages
    return msgspec.structs.replace(
        written,
        error=maybe(written.error),
        steps=steps,
        messages=None if messages is None else redactor.logged_messages(messages),
    )


def record_line(written: Record | Note, secrets: Iterable[bytes] = ()) -> bytes:
    """JSON on one line, with every secret redacted.

    Args:
        written: record or note.
        secrets: bytes that must not be in it.
    """
    try:
        encoded = msgspec.json.encode(written)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_encodable(msgspec.to_builtins(written)))
    for secret in secrets:
        encoded = encoded.replace(secret, b"***")
    return encoded + b"\n"


def secrets(variables: Iterable[str]) -> tuple[bytes, ...]:
    """The values of environment variables, as JSON writes them."""
    values = (os.environ.get(name, "").strip() for name in variables)
    return tuple(msgspec.json.encode(value)[1:-1] for value in values if len(value) >= _SHORTEST)


def _encodable(value: Any) -> Any:
    """Plain data with half surrogate pairs, which UTF-8 cannot carry, as question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(it) for name, it in value.items()}
    return [_encodable(it) for it in value] if isinstance(value, list | tuple) else value


def _hashed(text: str, key: bytes | None) -> str:
    data = text.encode("utf-8", "surrogatepass")
    if key is None:
        return "sha256:" + hashlib.sha256(data).hexdigest()
    return "hmac-sha256:" + hmac.new(key, data, "sha256").hexdigest()


def _step(step: Step, texts: bool) -> StepRecord:
    call, it = step.call, step.feedback
    return StepRecord(
        turn=step.turn,
        model=call.model,
        answered_by=it.model if it.model != call.model else None,
        final=call.final,
        signals=it.signals,
        threshold=step.threshold,
        propensity=step.propensity,
        cost_usd=it.cost_usd,
        latency_s=it.latency_s,
        prompt_tokens=_prompt_tokens(it.attempts),
        completion_tokens=it.completion_tokens,
        error=it.error,
        deployment=it.deployment,
        notes=it.notes,
        rejected=it.rejected,
        attempts=tuple([_attempt(one) for one in it.attempts]),
        response=it.text if texts else None,
    )


def _attempt(it: Attempt) -> AttemptRecord:
    return AttemptRecord(*msgspec.structs.astuple(it)[:-1])  # without the moment of a clock here


def _end_propensity(finished: FinishedRequest) -> float | None:
    """Of the end; None where nothing was drawn, where there was none, and where it is not known."""
    p = finished.end_propensity
    return None if not finished.choices or math.isnan(p) else p


def _prompt_tokens(attempts: tuple[Attempt, ...]) -> float:
    """Of the attempt that gave the call's answer."""
    good = (it.prompt_tokens for it in attempts if it.error is None and it.sample == 0)
    return next(good, math.nan)
