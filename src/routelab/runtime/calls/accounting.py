"""Accounting of a call: the cost of its attempts, and what its record keeps of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from routelab.core import Attempt
from routelab.runtime.attempts import Cost, ServedPrices
from routelab.runtime.engine import SampleAttempt


class CallAccount(NamedTuple):
    """The money of a call.

    Attributes:
        usd: of all attempts, added sample by sample; a failed one costs what is known of it, and
            NaN where it made tokens that have no price.
        attempts: in the order they ended.
        notes: what an operator should know.
        unknown: answering models whose cost is not known, each with what to do about it.
        remarks: answering models, and under a name what to tell of their prices once.
    """

    usd: float
    attempts: tuple[Attempt, ...]
    notes: tuple[str, ...]
    unknown: tuple[tuple[str, Cost], ...]
    remarks: tuple[tuple[str, str, str], ...] = ()


def account(
    attempts: Sequence[SampleAttempt], prices: ServedPrices, multiplier: float
) -> CallAccount:
    """Price every attempt at the model that served it.

    Args:
        multiplier: of tokens times prices, as `response_cost` takes it.
    """
    costs, notes, unknown = [], [], []
    remarks: list[tuple[str, str, str]] = []
    for it in attempts:
        cost = prices.cost(it.model, it.result.body or _NOTHING, multiplier, it.result.exchange)
        costs.append(cost)
        if cost.note and (it.result.error is None or cost.usd == cost.usd):
            notes.append(f"{it.result.deployment}: {cost.note}")
        if it.result.error is None and cost.fix:
            unknown.append((it.model, cost))
        if cost.remarks:
            remarks += [(it.model, *remark) for remark in cost.remarks]
    priced = tuple(map(_attempt, attempts, costs))
    return CallAccount(_total(priced), priced, tuple(notes), tuple(unknown), tuple(remarks))


_NOTHING: Mapping[str, Any] = {}


def _total(attempts: Sequence[Attempt]) -> float:
    total = 0.0
    for it in sorted(attempts, key=_sample) if len(attempts) > 1 else attempts:
        made_nothing_known = math.isnan(it.cost_usd) and math.isnan(it.completion_tokens)
        if it.error is None or not made_nothing_known:
            total += it.cost_usd
    return total


_sample = attrgetter("sample")


def _attempt(one: SampleAttempt, cost: Cost) -> Attempt:
    result = one.result
    prompt, completion = cost.tokens
    return Attempt(
        model=one.model,
        deployment=result.deployment,
        provider=one.provider,
        sample=one.sample,
        status=result.status,
        error=result.error,
        queued_s=one.queued_s,
        latency_s=result.latency_s,
        first_token_s=result.first_token_s,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_usd=cost.usd,
        failure="" if result.error is None else result.failure.name,
        sent_s=one.sent_s,
    )
