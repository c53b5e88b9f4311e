"""What the tries of a call cost, and what its record keeps of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from routelab.core.catalogue import Catalogue
from routelab.core.protocol import Attempted
from routelab.runtime.cost import Cost, response_cost, tokens
from routelab.runtime.engine import Try


class Account(NamedTuple):
    """The money of a call.

    Attributes:
        usd: of all tries, added sample by sample; a failed one costs what is known of it.
        attempts: in the order they ended.
        notes: what an operator should know.
        unknown: answering models whose cost is not known, each with what to do about it.
    """

    usd: float
    attempts: tuple[Attempted, ...]
    notes: tuple[str, ...]
    unknown: tuple[tuple[str, Cost], ...]


def account(tries: Sequence[Try], catalogue: Catalogue, multiplier: float) -> Account:
    """Price every try at the model that was asked.

    Args:
        multiplier: of tokens times prices, as `response_cost` takes it.
    """
    costs = [
        response_cost(catalogue.model(it.model), it.attempt.body or {}, multiplier) for it in tries
    ]
    both = list(zip(tries, costs, strict=True))
    answered = [(it, cost) for it, cost in both if it.attempt.error is None]
    return Account(
        _total(both),
        tuple(_attempted(it, cost.usd) for it, cost in both),
        tuple(f"{it.attempt.deployment}: {cost.note}" for it, cost in answered if cost.note),
        tuple((it.model, cost) for it, cost in answered if cost.fix),
    )


def _total(both: Iterable[tuple[Try, Cost]]) -> float:
    total = 0.0
    for it, cost in sorted(both, key=lambda pair: pair[0].sample):
        if it.attempt.error is None or not math.isnan(cost.usd):
            total += cost.usd
    return total


def _attempted(one: Try, usd: float) -> Attempted:
    tried = one.attempt
    prompt, completion = tokens(tried.body)
    return Attempted(
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
        cost_usd=usd,
    )
