"""What a live response cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from routelab.core.catalogue import Model
from routelab.signals.source import number

_NO_PRICES = ("prices", "give input_usd_per_mtok and output_usd_per_mtok in models.toml")
_NO_TOKENS = ("usage tokens in the response", "make its endpoint report usage")


class Cost(NamedTuple):
    """What a response cost.

    Attributes:
        usd: NaN if unknown.
        note: what an operator should know about it.
        fix: what to do about a cost that is unknown.
    """

    usd: float
    note: str = ""
    fix: str = ""


def response_cost(model: Model, body: Mapping[str, Any], multiplier: float) -> Cost:
    """What one response cost.

    Args:
        multiplier: of tokens times prices, for signals that the endpoint computes by asking
            more than once; a cost that the endpoint reports holds them already.
    """
    usage = _usage(body)
    note = ""
    if model.cost_reported:
        reported = _amount(usage.get("cost"))
        if not math.isnan(reported):
            return Cost(reported)
        note = "the catalogue says cost_reported, the response has no usage.cost; "
    tokens = [_amount(usage.get(field)) for field in ("prompt_tokens", "completion_tokens")]
    usd = model.cost_usd(tokens[0], tokens[1])
    if not math.isnan(usd):
        return Cost(usd * multiplier, note and note + "tokens times prices are charged")
    lacking, fix = _NO_TOKENS if any(map(math.isnan, tokens)) else _NO_PRICES
    return Cost(math.nan, f"{note}cost unknown: no {lacking}", fix + _report(model))


def completion_tokens(body: Mapping[str, Any] | None) -> float:
    """Length of an answer as the endpoint reports it; NaN if it does not, or gave none."""
    return math.nan if body is None else _amount(_usage(body).get("completion_tokens"))


def combined(multipliers: Sequence[float]) -> float:
    """The multiplier of several signals, each of which asks more often on its own."""
    first, *others = multipliers or (1.0,)
    return first + sum(other - 1.0 for other in others)


def _report(model: Model) -> str:
    asked = ", or set cost_reported = true if its responses carry usage.cost"
    return "" if model.cost_reported else asked


def _usage(body: Mapping[str, Any]) -> Mapping[str, Any]:
    usage = body.get("usage")
    return usage if isinstance(usage, Mapping) else {}


def _amount(value: object) -> float:
    known = number(value)
    return known if known is not None and known >= 0.0 and math.isfinite(known) else math.nan
