"""The cost of a live response."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from routelab.core.catalogue import Model
from routelab.signals import number

_NO_PRICES = ("prices", "give input_usd_per_mtok and output_usd_per_mtok in models.toml")
_COMPLETION = "completion_tokens"
_IN_PROMPT, _IN_COMPLETION = "prompt_tokens_details", "completion_tokens_details"
_NO_TOKENS = ("usage tokens in the response", "make its endpoint report usage")


class Cost(NamedTuple):
    """The cost of a response in USD, and what to know about it.

    Attributes:
        usd: NaN if unknown.
        note: what an operator should know about it.
        fix: what to do about a cost that is unknown.
        tokens: of the prompt and of the answer; NaN if they are not reported.
    """

    usd: float
    note: str = ""
    fix: str = ""
    tokens: tuple[float, float] = (math.nan, math.nan)


def response_cost(model: Model, body: Mapping[str, Any], multiplier: float) -> Cost:
    """The cost of one response: as the endpoint reports it, else tokens times prices.

    Args:
        model: with its prices.
        body: the response.
        multiplier: of tokens times prices, for signals that the endpoint computes by asking
            more than once; a cost that the endpoint reports holds them already.
    """
    usage = _usage(body)
    used, note = _used(usage), ""
    if model.cost_reported:
        reported = _amount(usage.get("cost"))
        if not math.isnan(reported):
            return Cost(reported, tokens=used[:2])
        note = "the catalogue says cost_reported, the response has no usage.cost; "
    usd = model.cost_usd(*used)
    if not math.isnan(usd):
        note = note and note + "tokens times prices are charged"
        return Cost(usd * multiplier, note, tokens=used[:2])
    lacking, fix = _NO_TOKENS if any(map(math.isnan, used)) else _NO_PRICES
    note = f"{note}cost unknown: no {lacking}"
    return Cost(math.nan, note, fix + _report(model), used[:2])


def reported_tokens(body: Mapping[str, Any] | None) -> tuple[float, float]:
    """Tokens of the prompt and of the answer as the endpoint reports them; NaN if it does not."""
    return (math.nan, math.nan) if body is None else _used(_usage(body))[:2]


def combined_multiplier(multipliers: Sequence[float]) -> float:
    """The cost multiplier of several signals, each of which asks for further answers of its own.

    Args:
        multipliers: of each; 1 adds nothing.
    """
    first, *others = multipliers or (1.0,)
    return first + sum(other - 1.0 for other in others)


def _report(model: Model) -> str:
    asked = ", or set cost_reported = true if its responses carry usage.cost"
    return "" if model.cost_reported else asked


class _Used(NamedTuple):
    """Tokens that a response was billed for, in the order of `Model.cost_usd`."""

    prompt: float
    completion: float
    cached: float
    reasoning: float


def _used(usage: Mapping[str, Any]) -> _Used:
    """What is billed; tokens of reasoning are part of the completion's, or beside them."""
    prompt, completion = _amount(usage.get("prompt_tokens")), _amount(usage.get(_COMPLETION))
    of_prompt, of_completion = usage.get(_IN_PROMPT), usage.get(_IN_COMPLETION)
    if of_prompt is None and of_completion is None:
        return _Used(prompt, completion, 0.0, 0.0)
    cached = _part(of_prompt, "cached_tokens")
    reasoning = _part(of_completion, "reasoning_tokens")
    if reasoning and _amount(usage.get("total_tokens")) == prompt + completion + reasoning:
        completion += reasoning  # some endpoints leave them out of the completion's
    return _Used(prompt, completion, min(cached, prompt), min(reasoning, completion))


def _part(details: object, field: str) -> float:
    known = _amount(details.get(field)) if isinstance(details, dict) else 0.0
    return 0.0 if math.isnan(known) else known


def _usage(body: Mapping[str, Any]) -> Mapping[str, Any]:
    usage = body.get("usage")
    return usage if isinstance(usage, dict) else _NOTHING


def _amount(value: object) -> float:
    if type(value) is int and 0 <= value < _USUAL:  # what nearly all are
        return float(value)
    known = number(value)
    return known if known is not None and known >= 0.0 and math.isfinite(known) else math.nan


_NOTHING: Mapping[str, Any] = {}
_USUAL = 2**53
