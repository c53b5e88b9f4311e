"""What tokens cost: rates, tiers by context length, services and days, and one sum of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple, Protocol

import msgspec

STANDARD_SERVICES = frozenset({"", "auto", "default", "standard", "on_demand"})
"""What endpoints and logs call the service that needs no name; its prices are the model's own."""


class TokenUsage(NamedTuple):
    """Tokens that a call is billed for, by the one rule that all of routelab follows.

    The prompt's tokens include those read from a cache and those written to one, and the
    completion's include those of reasoning: parts are never added to their whole.

    Attributes:
        prompt, completion: NaN if not known.
        cached: of the prompt's, read from a cache.
        reasoning: of the completion's, thought and not shown.
        cache_write: of the prompt's, written to a cache.
        cache_write_1h: of those written, kept for an hour and not for five minutes.
    """

    prompt: float
    completion: float
    cached: float = 0.0
    reasoning: float = 0.0
    cache_write: float = 0.0
    cache_write_1h: float = 0.0


class Rates(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Prices in USD per million tokens, and per request; None where nothing is said.

    Attributes:
        input_usd_per_mtok, output_usd_per_mtok: of the prompt's and the completion's tokens.
        cached_input_usd_per_mtok: of those read from a cache; None for the input price.
        cache_write_usd_per_mtok: of those written to a cache; None for the input price.
        cache_write_1h_usd_per_mtok: of those kept for an hour; None for the price of writing.
        reasoning_usd_per_mtok: of tokens thought and not shown; None for the output price.
        usd_per_request: beside the tokens, of every answered request; None for nothing.
    """

    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cached_input_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    cache_write_1h_usd_per_mtok: float | None = None
    reasoning_usd_per_mtok: float | None = None
    usd_per_request: float | None = None


PRICES = Rates.__struct_fields__
"""The names of all prices."""


class ContextTier(Rates, frozen=True, kw_only=True):
    """Prices of a call with a long prompt: of all its tokens, not only of those above.

    What a tier does not name costs as below it.

    Attributes:
        above_tokens: it holds for prompts of more tokens, cached ones included.
    """

    above_tokens: int


class ServicePrices(Rates, frozen=True, kw_only=True):
    """Prices of a service such as batch, flex or priority; what it does not name costs as usual.

    Attributes:
        tiers: by the length of the prompt.
    """

    tiers: tuple[ContextTier, ...] = ()


class DatedPrices(ServicePrices, frozen=True, kw_only=True, rename={"from_day": "from"}):
    """All prices of a model from a day on, in place of those before.

    Attributes:
        from_day: the first day, in UTC; `from` in files.
        services: by name.
    """

    from_day: date
    services: Mapping[str, ServicePrices] = msgspec.field(default_factory=dict)


class PriceSheet(Protocol):
    """Prices with their tiers and services: a model's own, or those of its days."""

    @property
    def tiers(self) -> tuple[ContextTier, ...]:
        """By the length of the prompt."""
        ...

    @property
    def services(self) -> Mapping[str, ServicePrices]:
        """By name."""
        ...


def rates(sheet: PriceSheet, service: str, prompt_tokens: float) -> Rates:
    """What one call is charged: for each price the first of those that name it, by rank.

    The service's tier that the prompt reaches, the service, the usual tier, the usual price.

    Args:
        service: as the response names it; one that is not listed is charged as usual.
    """
    named = None if service in STANDARD_SERVICES else sheet.services.get(service)
    ranked: list[Any] = [*_reached(sheet.tiers, prompt_tokens), sheet]
    if named is not None:
        ranked = [*_reached(named.tiers, prompt_tokens), named, *ranked]
    return Rates(
        **{
            name: next((it for part in ranked if (it := getattr(part, name)) is not None), None)
            for name in PRICES
        }
    )


def tokens_usd(prices: Any, used: TokenUsage) -> Any:
    """The cost of a call in USD: the sum that logs, the runtime and what-ifs all make.

    Args:
        prices: with the fields of `Rates`, and both an input and an output price.
        used: numbers, or arrays of them.
    """
    write = prices.cache_write_usd_per_mtok
    hour = prices.cache_write_1h_usd_per_mtok
    written: tuple[tuple[Any, float | None], ...] = ()
    if write is None and hour is None:
        pass  # they cost what the input does
    elif hour is None:
        written = ((used.cache_write, write),)
    else:
        written = ((used.cache_write - used.cache_write_1h, write), (used.cache_write_1h, hour))
    spent = _priced(
        used.prompt,
        prices.input_usd_per_mtok,
        ((used.cached, prices.cached_input_usd_per_mtok), *written),
    ) + _priced(
        used.completion,
        prices.output_usd_per_mtok,
        ((used.reasoning, prices.reasoning_usd_per_mtok),),
    )
    return spent / 1e6 + (prices.usd_per_request or 0.0)


def times(sheet: Any, factor: float) -> Any:
    """The same prices, each times a factor; tiers, services and days included."""
    changed: dict[str, Any] = {
        name: None if (it := getattr(sheet, name)) is None else it * factor for name in PRICES
    }
    fields = sheet.__struct_fields__
    for name in ("tiers", "dated"):
        if name in fields:
            changed[name] = tuple(times(it, factor) for it in getattr(sheet, name))
    if "services" in fields:
        changed["services"] = {name: times(it, factor) for name, it in sheet.services.items()}
    return msgspec.structs.replace(sheet, **changed)


def flat_usd(prices: Any) -> float:
    """What a call costs by a price per request alone, in USD; NaN where tokens have a price too.

    Args:
        prices: with the fields of `Rates`, without an input or without an output price.
    """
    alone = prices.input_usd_per_mtok is None and prices.output_usd_per_mtok is None
    return prices.usd_per_request if alone and prices.usd_per_request else math.nan


def dearest(sheet: PriceSheet, services: Iterable[str], prompt_tokens: float) -> Rates:
    """The highest of all prices that a call with a prompt of so many tokens can be charged.

    Args:
        services: that may serve it.
        prompt_tokens: at most; every tier that a prompt of these or fewer tokens reaches counts.
    """
    lengths = {0.0, prompt_tokens}
    named = (sheet.services[it].tiers for it in services if it in sheet.services)
    for tiers in (sheet.tiers, *named):
        lengths.update(float(it.above_tokens + 1) for it in tiers)
    reached = sorted(it for it in lengths if it <= prompt_tokens)
    every = [rates(sheet, service, n) for service in services for n in reached]
    highest = {
        name: max((it for one in every if (it := getattr(one, name)) is not None), default=None)
        for name in PRICES
    }
    return Rates(**highest)


def upper_tokens_usd(prices: Any, prompt_tokens: float, completion_tokens: float) -> float:
    """The most that so many tokens cost in USD, however they are cached, written or thought.

    Args:
        prices: the highest that hold, with the fields of `Rates`, as `dearest` gives them.
        prompt_tokens, completion_tokens: at most.
    """
    if prices.input_usd_per_mtok is None or prices.output_usd_per_mtok is None:
        return flat_usd(prices)
    prompt = _highest(
        prices.input_usd_per_mtok,
        prices.cached_input_usd_per_mtok,
        prices.cache_write_usd_per_mtok,
        prices.cache_write_1h_usd_per_mtok,
    )
    completion = _highest(prices.output_usd_per_mtok, prices.reasoning_usd_per_mtok)
    spent = prompt_tokens * prompt + completion_tokens * completion
    return spent / 1e6 + (prices.usd_per_request or 0.0)


def _highest(*prices: float | None) -> float:
    return max(it for it in prices if it is not None)


def _reached(tiers: tuple[ContextTier, ...], prompt_tokens: float) -> list[ContextTier]:
    """Tiers that a prompt reaches, the longest first."""
    found = [it for it in tiers if prompt_tokens > it.above_tokens]
    return sorted(found, key=lambda it: -it.above_tokens)


def _priced(tokens: Any, price: float, parts: tuple[tuple[Any, float | None], ...]) -> Any:
    """Tokens at a price, parts of them at others; a part without a price stays in the whole."""
    apart = 0.0
    for part, its_price in parts:
        if its_price is not None:
            tokens = tokens - part
            apart = apart + part * its_price
    return tokens * price + apart
