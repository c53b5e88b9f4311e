"""Accounting of a call: the cost of its tries, and what its record keeps of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from routelab.core import Attempt
from routelab.core.catalogue import Catalogue
from routelab.runtime.attempts import Cost, response_cost
from routelab.runtime.engine import SampleAttempt


class CallAccount(NamedTuple):
    """The money of a call.

    Attributes:
        usd: of all tries, added sample by sample; a failed one costs what is known of it, and
            NaN where it made tokens that have no price.
        attempts: in the order they ended.
        notes: what an operator should know.
        unknown: answering models whose cost is not known, each with what to do about it.
    """

    usd: float
    attempts: tuple[Attempt, ...]
    notes: tuple[str, ...]
    unknown: tuple[tuple[str, Cost], ...]


def account(tries: Sequence[SampleAttempt], catalogue: Catalogue, multiplier: float) -> CallAccount:
    """Price every try at the model that was asked.

    Args:
        multiplier: of tokens times prices, as `response_cost` takes it.
    """
    costs, notes, unknown = [], [], []
    for it in tries:
        cost = response_cost(catalogue.model(it.model), it.attempt.body or _NOTHING, multiplier)
        costs.append(cost)
        if it.attempt.error is None and cost.note:
            notes.append(f"{it.attempt.deployment}: {cost.note}")
        if it.attempt.error is None and cost.fix:
            unknown.append((it.model, cost))
    attempts = tuple(map(_attempted, tries, costs))
    return CallAccount(_total(attempts), attempts, tuple(notes), tuple(unknown))


_NOTHING: Mapping[str, Any] = {}


def _total(attempts: Sequence[Attempt]) -> float:
    total = 0.0
    for it in sorted(attempts, key=_sample) if len(attempts) > 1 else attempts:
        made_nothing_known = math.isnan(it.cost_usd) and math.isnan(it.completion_tokens)
        if it.error is None or not made_nothing_known:
            total += it.cost_usd
    return total


_sample = attrgetter("sample")


def _attempted(one: SampleAttempt, cost: Cost) -> Attempt:
    tried = one.attempt
    prompt, completion = cost.tokens
    return Attempt(
        model=one.model,
        deployment=tried.deployment,
        provider=one.provider,
        sample=one.sample,
        status=tried.status,
        error=tried.error,
        queued_s=one.queued_s,
        latency_s=tried.latency_s,
        first_token_s=tried.first_token_s,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_usd=cost.usd,
    )
