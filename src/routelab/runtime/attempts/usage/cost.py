"""The cost of a live response."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from routelab.core.catalogue import STANDARD_SERVICES, Catalogue, Model
from routelab.runtime.attempts.usage.credible import NOTHING_SENT, Exchange, credible_usage
from routelab.runtime.attempts.usage.dialects import amount, usage_of

_SNAPSHOT = r"[-@:_](?:20\d\d-?[01]\d-?[0-3]\d|\d{4}|latest)"
"""What providers add to a model's name to say which snapshot of it answered."""

_MOST_NAMES = 1000

_MOST_USD = 10_000.0
"""Beyond it no cost of one response is believed: a million of the dearest tokens are a tenth."""

_NO_PRICES = ("prices", "give input_usd_per_mtok and output_usd_per_mtok in models.toml")
_NO_TOKENS = ("usage tokens in the response", "make its endpoint report usage")


class Cost(NamedTuple):
    """The cost of a response in USD, and what to know about it.

    Attributes:
        usd: NaN if unknown.
        note: what an operator should know about it.
        fix: what to do about a cost that is unknown.
        tokens: of the prompt and of the answer; NaN if they are not reported.
        remarks: what to tell once, each under a name: a model or a service without a price.
    """

    usd: float
    note: str = ""
    fix: str = ""
    tokens: tuple[float, float] = (math.nan, math.nan)
    remarks: tuple[tuple[str, str], ...] = ()


def response_cost(
    model: Model,
    body: Mapping[str, Any],
    multiplier: float,
    day: date | None = None,
    exchange: Exchange = NOTHING_SENT,
) -> Cost:
    """The cost of one response: as the endpoint reports it, else tokens times prices.

    Args:
        model: with its prices.
        body: the response.
        multiplier: of tokens times prices, for signals that the endpoint computes by asking
            more than once; a cost that the endpoint reports holds them already.
        day: in UTC, for prices that change; None for the latest.
        exchange: that the response is of.
    """
    used, odd = credible_usage(body, exchange)
    note, tokens = "", used[:2]
    remarks: tuple[tuple[str, str], ...] = (_odd(odd),) if odd else ()
    if model.cost_reported:
        said, reported = _reported_usd(usage_of(body) or {})
        priced = reported == 0.0 and model.usage_usd(used, "", day) > 0.0
        if reported >= 0.0 and not priced:
            return Cost(reported, odd, "", tokens)
        has = "has no usage.cost"
        if said is not None:
            why = "though its tokens have a price" if priced else "which can be none"
            has = f"has usage.cost {said!r:.40}, {why}"
            remarks += (_uncharged(has),)
        note = f"the catalogue says cost_reported, the response {has}; "
    service = body.get("service_tier")
    if not isinstance(service, str) or service in STANDARD_SERVICES:
        service = ""
    usd = model.usage_usd(used, service, day) if body else math.nan
    if usd == usd:
        note = note and note + f"tokens times prices are charged{'; ' if odd else ''}"
        if service and not model.serves(service, day):
            remarks = (_unpriced(service), *remarks)
        return Cost(usd * multiplier, note + odd, "", tokens, remarks)
    lacking, fix = _NO_TOKENS if any(map(math.isnan, used)) else _NO_PRICES
    note = f"{note}cost unknown: no {lacking}{f' ({odd})' if odd else ''}"
    return Cost(math.nan, note, fix + _report(model), tokens)


def _reported_usd(usage: Mapping[str, Any]) -> tuple[object, float]:
    """A reported cost as it stands there, and in USD; NaN if it is none.

    Of a request with the caller's own key OpenRouter's `cost` is its fee alone, and what the
    provider charges stands beside it; Perplexity's is an object.
    """
    said, details = usage.get("cost"), usage.get("cost_details")
    usd = amount(said.get("total_cost") if isinstance(said, Mapping) else said, _MOST_USD)
    upstream = details.get("upstream_inference_cost") if isinstance(details, Mapping) else None
    beside = amount(upstream, _MOST_USD)
    if beside > 0.0 and (usage.get("is_byok") is True or not usd > 0.0):
        usd = beside + (usd if usd > 0.0 else 0.0)
    return said, usd


class ServedPrices:
    """Prices of whichever model an endpoint says that it served.

    Args:
        catalogue: of the models that are asked.
        listed: all that have prices, by name; those asked by default.
        wall_clock: Unix seconds, for prices that change.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        listed: Mapping[str, Model] | None = None,
        wall_clock: Callable[[], float] | None = None,
    ) -> None:
        self._asked = {
            name: (it, frozenset((name, it.base, *(at.model for at in it.deployments))))
            for name, it in catalogue.models.items()
        }
        self._served = _by_served_name({**(listed or {}), **catalogue.models})
        self._wall_clock = wall_clock
        self._changing = any(it.dated for it in self._served.values())
        self._remarks: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}

    def day(self) -> date | None:
        """Today in UTC; None where no price hangs on it."""
        if not self._changing or self._wall_clock is None:
            return None
        return datetime.fromtimestamp(self._wall_clock(), UTC).date()

    def cost(
        self,
        name: str,
        body: Mapping[str, Any],
        multiplier: float,
        exchange: Exchange = NOTHING_SENT,
    ) -> Cost:
        """The cost of a response, at the prices of the model that served it.

        Args:
            name: of the model that was asked.
            body: of the response, whose `model` says who served it.
            multiplier: as `response_cost` takes it.
            exchange: that the response is of.
        """
        model, asked = self._asked.get(name, _UNLISTED)
        served, day = body.get("model"), self.day() if self._changing else None
        if not asked or not isinstance(served, str) or served in asked or not served:
            return response_cost(model, body, multiplier, day, exchange)
        other = None if model.cost_reported else self._served.get(served)
        if other is not None:
            found = response_cost(other, body, multiplier, day, exchange)
            if not math.isnan(found.usd):
                return found
        found = response_cost(model, body, multiplier, day, exchange)
        if model.cost_reported or math.isnan(found.usd):
            return found
        remarks = self._remarks_on(name, served, asked)
        return Cost(*found[:-1], found.remarks + remarks) if remarks else found

    def _remarks_on(
        self, name: str, served: str, asked: frozenset[str]
    ) -> tuple[tuple[str, str], ...]:
        """What to tell of a served model without prices of its own; nothing of a snapshot."""
        remarks = self._remarks.get((name, served))
        if remarks is None:
            remarks = () if _is_snapshot(served, asked) else (_unlisted(name, served),)
            if len(self._remarks) < _MOST_NAMES:  # endpoints may send any name
                self._remarks[name, served] = remarks
        return remarks


_UNLISTED: tuple[Model, frozenset[str]] = (Model(), frozenset())


def _by_served_name(models: Mapping[str, Model]) -> dict[str, Model]:
    """Models by the names that endpoints give: their own first, then those of deployments."""
    found = dict(models)
    plain_first = sorted(models.values(), key=lambda it: bool(it.base))
    for model in plain_first:
        for at in model.deployments:
            found.setdefault(at.model, model)
    return found


def _is_snapshot(served: str, asked: frozenset[str]) -> bool:
    """Whether a name is one that was asked for with the date of a snapshot."""
    return any(
        served.startswith(own) and re.fullmatch(_SNAPSHOT, served[len(own) :])
        for own in asked
        if own
    )


def _unlisted(name: str, served: str) -> tuple[str, str]:
    shown = f"{served!r:.80}"
    return "served", (
        f"its endpoint says that {shown} answered, which has no price in the catalogue, so the"
        f" prices of {name!r} are charged; list {shown} in models.toml with its prices, the same"
        " ones if they are"
    )


def _odd(odd: str) -> tuple[str, str]:
    return "tokens", (
        f"its endpoint reports usage that does not add up: {odd}; compare the cost with the"
        " invoice, and set cost_reported = true if its responses carry usage.cost"
    )


def _uncharged(has: str) -> tuple[str, str]:
    return "usage.cost", (
        f"its endpoint reports a cost that does not add up: a response {has}, so tokens times"
        " prices are charged; compare the cost with the invoice"
    )


def _unpriced(service: str) -> tuple[str, str]:
    shown = f"{service!r:.80}"
    return f"service {service:.40}", (
        f"service_tier {shown} has no price in the catalogue, so the usual prices are charged;"
        f" give [models.NAME.services.{service:.40}]"
    )


def used_tokens(
    body: Mapping[str, Any] | None, exchange: Exchange = NOTHING_SENT
) -> tuple[float, float]:
    """Tokens of the prompt and of the answer, as far as they are known; NaN where they are not.

    Args:
        body: of the response.
        exchange: that it is of.
    """
    return (math.nan, math.nan) if body is None else credible_usage(body, exchange)[0][:2]


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
