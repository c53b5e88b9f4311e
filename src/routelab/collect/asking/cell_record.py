"""What came back of a cell, as the line that is kept of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from routelab.collect.storage import AskedCell, Outcome
from routelab.core import Attempt, Feedback
from routelab.runtime.attempts import token_usage
from routelab.runtime.engine import SampleAttempt
from routelab.signals import AnswerParts, SignalSource, answer_parts, answer_text

_MOST_LOGPROBS = 16_384
_SAID = 2_000
"""Characters of an error that are kept."""


class CallMoney(NamedTuple):
    """What the attempts of a call came to, in USD.

    Attributes:
        spent: as far as is known.
        unknown: reserved for attempts whose bill is not known.
    """

    spent: float
    unknown: float


def money_of(
    attempts: Sequence[SampleAttempt],
    priced: Sequence[Attempt],
    attempt_usd: Callable[[], float],
) -> CallMoney:
    """What attempts cost, and what those may cost of which nobody knows.

    Args:
        attempts: as the engine made them.
        priced: the same, with their costs.
        attempt_usd: gives the most that one of them costs; NaN if that is not known either.
    """
    spent, unknown = 0.0, 0
    for made, it in zip(attempts, priced, strict=True):
        if not math.isnan(it.cost_usd):
            spent += it.cost_usd
        elif it.error is None or _may_be_billed(made) or not math.isnan(it.completion_tokens):
            unknown += 1
    most = attempt_usd() if unknown else 0.0
    return CallMoney(spent, 0.0 if math.isnan(most) else most * unknown)


def _may_be_billed(made: SampleAttempt) -> bool:
    """Whether an attempt that failed may have made an answer: it was cut, or came as no JSON."""
    return made.unanswered or made.result.kind == "malformed"


def answered_cell(
    row: int,
    arm: int,
    feedback: Feedback,
    attempts: Sequence[SampleAttempt],
    sources: Mapping[str, SignalSource],
    money: CallMoney,
    at_s: float,
) -> AskedCell:
    """The line of a cell that was answered.

    Args:
        row, arm: which cell.
        feedback: of the call.
        attempts: of the call.
        sources: of its signals, by name.
        money: of the call.
        at_s: Unix seconds.
    """
    body: Mapping[str, Any] = feedback.raw or {}
    pairs = [*zip(attempts, feedback.attempts, strict=True)]
    by_sample = {it.sample: (made, it) for made, it in pairs if it.error is None}
    _made, answer = by_sample[0] if 0 in by_sample else pairs[-1]
    said = answer_parts(body)
    parts = said[0] if said else AnswerParts()
    used = token_usage(body.get("usage"))
    others = [by_sample.get(at) for at in range(1, max(by_sample, default=0) + 1)]
    signal_usd, signal_s = _extras(sources, pairs, by_sample, answer.latency_s)
    return AskedCell(
        row=row,
        arm=arm,
        outcome=outcome_of(parts),
        answer=feedback.text,
        finish=parts.finish[:200],
        refusal=parts.refusal,
        status=answer.status,
        deployment=answer.deployment,
        served_model=_text(body.get("model")),
        at_s=at_s,
        latency_s=_known(answer.latency_s),
        queued_s=answer.queued_s,
        attempts=len(attempts),
        prompt_tokens=_known(answer.prompt_tokens),
        completion_tokens=_known(answer.completion_tokens),
        cached_tokens=used.cached or None,
        reasoning_tokens=used.reasoning or None,
        cost_usd=_known(answer.cost_usd),
        spent_usd=money.spent,
        unknown_usd=money.unknown,
        logprobs=_logprobs(body),
        signals={name: it for name, it in feedback.signals.items() if not math.isnan(it)},
        signal_usd=signal_usd,
        signal_s=signal_s,
        samples=tuple(
            None if it is None else answer_text(it[0].result.body or {}) for it in others
        ),
        notes=feedback.notes,
    )


def failed_cell(
    row: int, arm: int, feedback: Feedback, money: CallMoney, attempts: int, at_s: float
) -> AskedCell:
    """The line of a cell that nobody answered; one that a filter refused is a refusal.

    Args:
        row, arm: which cell.
        feedback: of the call.
        money: of all its calls.
        attempts: of all its calls.
        at_s: Unix seconds.
    """
    last = feedback.attempts[-1] if feedback.attempts else None
    failure = "" if last is None else last.failure
    return AskedCell(
        row=row,
        arm=arm,
        outcome="refused" if failure == "filtered" else "failed",
        error=(feedback.error or "")[:_SAID],
        failure=failure,
        status=None if last is None else last.status,
        deployment=feedback.deployment or "",
        at_s=at_s,
        latency_s=None if last is None else _known(last.latency_s),
        attempts=attempts,
        cost_usd=money.spent,
        spent_usd=money.spent,
        unknown_usd=money.unknown,
    )


def outcome_of(parts: AnswerParts) -> Outcome:
    """What an answer is, apart from being right or wrong."""
    if parts.refusal or parts.finish == "content_filter":
        return "refused"
    if parts.finish == "length":
        return "cut"
    return "answered" if parts.answers else "empty"


def _extras(
    sources: Mapping[str, SignalSource],
    pairs: Sequence[tuple[SampleAttempt, Attempt]],
    by_sample: Mapping[int, tuple[SampleAttempt, Attempt]],
    first_s: float,
) -> tuple[dict[str, float], dict[str, float]]:
    """USD and seconds of each signal beside the answer."""
    usd, seconds = {}, {}
    for name, source in sources.items():
        if source.column:
            continue  # the endpoint computes it, and its price is in the answer's
        further = [it.cost_usd for _, it in pairs if 0 < it.sample < source.samples]
        longest = max((by_sample[at][1].latency_s for at in range(source.samples)
                       if at in by_sample), default=first_s)  # fmt: skip
        usd[name] = math.fsum(it for it in further if not math.isnan(it))
        seconds[name] = max(0.0, longest - first_s)
    return usd, seconds


def _logprobs(body: Mapping[str, Any]) -> tuple[float, ...] | None:
    try:
        content = body["choices"][0]["logprobs"]["content"]
        found = [round(float(it["logprob"]), 4) for it in content[:_MOST_LOGPROBS]]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return tuple(found) if found and all(map(math.isfinite, found)) else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""
