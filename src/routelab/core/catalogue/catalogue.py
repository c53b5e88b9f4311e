"""The models that can be called: prices, capabilities, and the endpoints that serve them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from routelab.core.catalogue.engine_rules import EngineRules
from routelab.core.messages import short_repr


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
        max_concurrency: calls under way at once; None for no limit.
        requests_per_minute, tokens_per_minute: what it grants; None for no limit.
        timeouts: of one attempt; None for the router's.
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

    @property
    def public_url(self) -> str:
        """The address for people: without the name and password that it may hold."""
        return redacted_address(self.base_url)


@lru_cache(maxsize=1024)  # every attempt names its deployment
def redacted_address(url: str) -> str:
    """An address without credentials, however malformed it is."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


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
        usd_per_request: beside the tokens, of every answered request.
        fallbacks: models asked in turn where no deployment of this one answers.
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

    def cost_usd(
        self,
        prompt_tokens: float,
        completion_tokens: float,
        cached_tokens: float = 0.0,
        reasoning_tokens: float = 0.0,
    ) -> float:
        """Price of one call; NaN without both prices.

        Args:
            cached_tokens: how many of the prompt's came from a cache.
            reasoning_tokens: how many of the completion's were thought and not shown.
        """
        if self.input_usd_per_mtok is None or self.output_usd_per_mtok is None:
            return math.nan
        spent = _priced(
            prompt_tokens, self.input_usd_per_mtok, cached_tokens, self.cached_input_usd_per_mtok
        ) + _priced(
            completion_tokens,
            self.output_usd_per_mtok,
            reasoning_tokens,
            self.reasoning_usd_per_mtok,
        )
        return spent / 1e6 + self.usd_per_request

    def missing(self, needs: Iterable[str]) -> tuple[str, ...]:
        """Needed capabilities that the model lacks."""
        if self.capabilities is None:
            return ()
        return tuple(need for need in needs if need not in self.capabilities)


def _priced(tokens: float, price: float, part: float, part_price: float | None) -> float:
    """Tokens at a price, a part of them at another."""
    if part_price is None or part == 0.0:  # the very sum that a log's prices make
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
