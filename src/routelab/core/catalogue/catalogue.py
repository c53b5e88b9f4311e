"""The models that can be called: prices, capabilities, and the endpoints that serve them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from routelab.core.catalogue.addresses import redacted_address
from routelab.core.catalogue.engine_rules import EngineRules
from routelab.core.catalogue.parameters import Parameters
from routelab.core.catalogue.prices import (
    PRICES,
    STANDARD_SERVICES,
    ContextTier,
    DatedPrices,
    PriceSheet,
    ServicePrices,
    TokenUsage,
    flat_usd,
    rates,
    tokens_usd,
)
from routelab.core.catalogue.quirks import Quirks
from routelab.core.messages import short_repr
from routelab.core.tokens import tokens_of


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds that one attempt may take at a deployment; `inf` for no limit.

    Attributes:
        connect_s: until there is a connection, TLS included.
        first_token_s: of a streamed answer, from sending until its first piece.
        between_tokens_s: of a streamed answer, from one piece to the next.
        total_s: until the answer is complete; a caller slow to take pieces does not use it up.
    """

    connect_s: float = 10.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    total_s: float = 600.0


ROUTER_TIMEOUT_S = 60.0
"""To a complete answer, at deployments without time limits, if a router is not told otherwise."""


REPLY_BYTES = 32 << 20
"""Of one reply, far more than any model says."""


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An OpenAI-compatible endpoint that serves a model.

    Two models that list the very same deployment share its limits and its breaker.

    Attributes:
        base_url: up to and including the version, for example "http://127.0.0.1:8000/v1".
        model: the model's name at this endpoint.
        provider: who runs it; deployments of one provider tend to fail together.
        api_key_env: environment variable that holds the key; empty for none.
        region: where it runs, for people and metrics.
        weight: its share of the traffic beside the model's other deployments; 0 takes it out.
        max_concurrency: calls under way at once; None for that of the engine's rules.
        requests_per_minute, tokens_per_minute: what it grants; None for no limit.
        timeouts: of one attempt; None for the router's.
        quirks: what it wants otherwise in a request; None for what is known of its provider.
        max_reply_bytes: of one reply, once unpacked; a longer one is a failure.
        trace_headers: it is sent the trace that a request belongs to (`traceparent`, `tracestate`).
    """

    base_url: str
    model: str
    provider: str = ""
    api_key_env: str = ""
    region: str = ""
    weight: float = 1.0
    max_concurrency: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeouts: Timeouts | None = None
    quirks: Quirks | None = None
    max_reply_bytes: int = REPLY_BYTES
    trace_headers: bool = True

    @property
    def public_url(self) -> str:
        """The address for people: without credentials that it may hold."""
        return redacted_address(self.base_url)


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is known of a model.

    Attributes:
        input_usd_per_mtok, output_usd_per_mtok: list prices per million tokens; None if unknown.
        capabilities: for example "tools", "json", "vision"; None places no restriction.
        context_window: in tokens; None if unknown.
        cost_reported: responses carry the true cost in `usage.cost`, which then replaces
            tokens times prices.
        deployments: that share its traffic.
        cached_input_usd_per_mtok: of prompt tokens read from a cache; None for the input price.
        reasoning_usd_per_mtok: of tokens thought and not shown; None for the output price.
        usd_per_request: beside the tokens, of every answered request; alone, without an input
            and an output price, it is all that a request costs.
        fallbacks: models asked in turn where no deployment of this one answers.
        cache_write_usd_per_mtok: of prompt tokens written to a cache; None for the input price.
        cache_write_1h_usd_per_mtok: of those kept for an hour; None for the price of writing.
        tiers: prices of long prompts.
        services: prices of batch, flex, priority and the like, by name.
        dated: all prices from a day on; until the first of these days those above hold.
        base: of a candidate, the model that it is; empty for a model of its own.
        parameters: of a candidate, what it adds to every request.
    """

    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    capabilities: tuple[str, ...] | None = None
    context_window: int | None = None
    cost_reported: bool = False
    deployments: tuple[Deployment, ...] = ()
    cached_input_usd_per_mtok: float | None = None
    reasoning_usd_per_mtok: float | None = None
    usd_per_request: float = 0.0
    fallbacks: tuple[str, ...] = ()
    cache_write_usd_per_mtok: float | None = None
    cache_write_1h_usd_per_mtok: float | None = None
    tiers: tuple[ContextTier, ...] = ()
    services: Mapping[str, ServicePrices] = msgspec.field(default_factory=dict)
    dated: tuple[DatedPrices, ...] = ()
    base: str = ""
    parameters: Parameters | None = None

    def cost_usd(
        self,
        prompt_tokens: float,
        completion_tokens: float,
        cached_tokens: float = 0.0,
        reasoning_tokens: float = 0.0,
        cache_write_tokens: float = 0.0,
        cache_write_1h_tokens: float = 0.0,
        *,
        service: str = "",
        day: date | None = None,
    ) -> float:
        """Price of one call in USD; NaN without both prices of tokens, or a flat one alone.

        Args:
            cached_tokens: how many of the prompt's came from a cache.
            reasoning_tokens: how many of the completion's were thought and not shown.
            cache_write_tokens: how many of the prompt's were written to a cache.
            cache_write_1h_tokens: how many of those are kept for an hour.
            service: that answered; one without prices of its own is charged as usual.
            day: in UTC, for prices that change; None for the latest.
        """
        used = TokenUsage(
            prompt_tokens,
            completion_tokens,
            cached_tokens,
            reasoning_tokens,
            cache_write_tokens,
            cache_write_1h_tokens,
        )
        return self.usage_usd(used, service, day)

    def usage_usd(self, used: TokenUsage, service: str = "", day: date | None = None) -> float:
        """Price of the tokens of one call in USD; NaN where `cost_usd` is.

        Args:
            used: by the call.
            service: that answered; one without prices of its own is charged as usual.
            day: in UTC, for prices that change; None for the latest.
        """
        sheet = self.sheet(day) if self.dated else self
        prices: Any = sheet
        prompt, completion, cached, reasoning, written, _ = used
        if sheet.tiers or (sheet.services and service not in STANDARD_SERVICES):
            prices = rates(sheet, service, prompt)
        input_price, output_price = prices.input_usd_per_mtok, prices.output_usd_per_mtok
        if input_price is None or output_price is None:
            return flat_usd(prices)
        if written:
            return float(tokens_usd(prices, used))
        # The sum of `tokens_usd` where nothing is written, for every attempt is priced here.
        if cached or reasoning:
            spent = _priced(prompt, input_price, cached, prices.cached_input_usd_per_mtok)
            spent += _priced(completion, output_price, reasoning, prices.reasoning_usd_per_mtok)
        else:
            spent = prompt * input_price + completion * output_price
        per_request: float = prices.usd_per_request or 0.0
        return spent / 1e6 + per_request

    def sheet(self, day: date | None = None) -> PriceSheet:
        """The prices of a day.

        Args:
            day: in UTC; None for the latest prices.
        """
        begun = [it for it in self.dated if day is None or it.from_day <= day]
        return max(begun, key=lambda it: it.from_day) if begun else self

    @property
    def said_as_candidate(self) -> str:
        """For people: the base and the parameters; the empty text of a model of its own."""
        if self.parameters is None:
            return ""
        given: dict[str, object] = dict(self.parameters.fields)
        if prefix := self.parameters.prompt_prefix:
            given["prompt_prefix"] = f"{prefix!r:.60}"
        said = ", ".join(f"{name} = {value}" for name, value in given.items())
        return f"{self.base!r} with {said}"

    @property
    def prefix_tokens(self) -> int:
        """Estimated tokens of what a candidate puts before every prompt."""
        prefix = "" if self.parameters is None else self.parameters.prompt_prefix
        return tokens_of(prefix)

    @property
    def prompt_window(self) -> int | None:
        """Tokens of the context window that are left for a request's own messages.

        None if nothing is known of a window; negative where what is put before them is longer.
        """
        return None if self.context_window is None else self.context_window - self.prefix_tokens

    def on(self, day: date) -> Model:
        """The model with the prices of one day, and no others.

        Args:
            day: in UTC.
        """
        sheet: Any = self.sheet(day)
        prices = {name: getattr(sheet, name) for name in PRICES}
        return msgspec.structs.replace(
            self,
            **{**prices, "usd_per_request": sheet.usd_per_request or 0.0},
            tiers=sheet.tiers,
            services=sheet.services,
            dated=(),
        )

    def serves(self, service: str, day: date | None = None) -> bool:
        """Whether a service has prices here; the usual one always has."""
        return service in STANDARD_SERVICES or service in self.sheet(day).services

    def missing(self, needs: Iterable[str]) -> tuple[str, ...]:
        """Needed capabilities that the model lacks."""
        if self.capabilities is None:
            return ()
        return tuple(need for need in needs if need not in self.capabilities)


def _priced(tokens: float, price: float, part: float, part_price: float | None) -> float:
    """Tokens at a price, a part of them at another."""
    if part_price is None or part == 0.0:
        return tokens * price
    return (tokens - part) * price + part * part_price


@short_repr
class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Models by name.

    Attributes:
        models: by the name that policies use.
        engine: how calls are balanced, retried and cut off; None for the defaults.
    """

    models: Mapping[str, Model] = msgspec.field(default_factory=dict)
    engine: EngineRules | None = None

    def model(self, name: str) -> Model:
        """What is known of `name`; a model that is not listed has no restriction."""
        return self.models.get(name, _UNKNOWN)

    def only(self, names: Iterable[str]) -> Catalogue:
        """The catalogue of these models, in this order, listed or not, then their fallbacks."""
        names = tuple(names)
        behind = (other for name in names for other in self.model(name).fallbacks)
        kept = dict.fromkeys((*names, *behind))
        return Catalogue({name: self.model(name) for name in kept}, self.engine)

    def allowed(self, names: Iterable[str], needs: Iterable[str]) -> tuple[str, ...]:
        """The models of `names` that have every needed capability."""
        needs = tuple(needs)
        return tuple(name for name in names if not self.model(name).missing(needs))

    def why_not(self, names: Iterable[str], needs: Iterable[str]) -> str:
        """Which need rules out which model, for an error message."""
        needs = tuple(needs)
        lacking = ((name, self.model(name).missing(needs)) for name in names)
        return "; ".join(
            f"{name} lacks {', '.join(missing)}" for name, missing in lacking if missing
        )


_UNKNOWN = Model()


def pointed_at(
    base_url: str, models: Iterable[str], catalogue: Catalogue | None = None
) -> Catalogue:
    """The models as one endpoint serves them all, for example a replay server.

    The cost that its responses carry goes before tokens times prices, which may be unknown.

    Args:
        catalogue: whose capabilities and prices are kept.
    """
    known = (catalogue or Catalogue()).only(models)
    moved = {
        name: msgspec.structs.replace(
            model,
            cost_reported=True,
            deployments=(Deployment(base_url, name, provider="replay"),),
        )
        for name, model in known.models.items()
    }
    return Catalogue(moved, known.engine)
