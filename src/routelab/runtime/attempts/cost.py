"""The cost of a live response."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from routelab.core.catalogue import STANDARD_SERVICES, Catalogue, Model
from routelab.runtime.attempts.usage import amount, explained_usage, token_usage
from routelab.runtime.attempts.usage_dialects import usage_of

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
    model: Model, body: Mapping[str, Any], multiplier: float, day: date | None = None
) -> Cost:
    """The cost of one response: as the endpoint reports it, else tokens times prices.

    Args:
        model: with its prices.
        body: the response.
        multiplier: of tokens times prices, for signals that the endpoint computes by asking
            more than once; a cost that the endpoint reports holds them already.
        day: in UTC, for prices that change; None for the latest.
    """
    usage = usage_of(body)
    used, odd = explained_usage(usage)
    note, tokens = "", used[:2]
    if model.cost_reported:
        said = None if usage is None else usage.get("cost")
        reported = amount(said, _MOST_USD)
        if not math.isnan(reported):
            return Cost(reported, "", "", tokens)
        has = "has no usage.cost"
        if said is not None:
            has = f"has usage.cost {said!r:.40}, which can be none"
        note = f"the catalogue says cost_reported, the response {has}; "
    service = body.get("service_tier")
    if not isinstance(service, str) or service in STANDARD_SERVICES:
        service = ""
    usd = model.usage_usd(used, service, day) if body else math.nan
    if usd == usd:
        note = note and note + "tokens times prices are charged"
        remarks = () if not service or model.serves(service, day) else (_unpriced(service),)
        if odd:
            note, remarks = f"{note}{odd}", (*remarks, _odd(odd))
        return Cost(usd * multiplier, note, "", tokens, remarks)
    lacking, fix = _NO_TOKENS if any(map(math.isnan, used)) else _NO_PRICES
    note = f"{note}cost unknown: no {lacking}{f' ({odd})' if odd else ''}"
    return Cost(math.nan, note, fix + _report(model), tokens)


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

    def cost(self, name: str, body: Mapping[str, Any], multiplier: float) -> Cost:
        """The cost of a response, at the prices of the model that served it.

        Args:
            name: of the model that was asked.
            body: of the response, whose `model` says who served it.
            multiplier: as `response_cost` takes it.
        """
        model, asked = self._asked.get(name, _UNLISTED)
        served, day = body.get("model"), self.day() if self._changing else None
        if not asked or not isinstance(served, str) or served in asked or not served:
            return response_cost(model, body, multiplier, day)
        other = None if model.cost_reported else self._served.get(served)
        if other is not None:
            found = response_cost(other, body, multiplier, day)
            if not math.isnan(found.usd):
                return found
        found = response_cost(model, body, multiplier, day)
        if model.cost_reported or math.isnan(found.usd):
            return found
        remarks = self._remarks_on(name, served, asked)
        return found._replace(remarks=found.remarks + remarks) if remarks else found

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


def _unpriced(service: str) -> tuple[str, str]:
    shown = f"{service!r:.80}"
    return f"service {service:.40}", (
        f"service_tier {shown} has no price in the catalogue, so the usual prices are charged;"
        f" give [models.NAME.services.{service:.40}]"
    )


def reported_tokens(body: Mapping[str, Any] | None) -> tuple[float, float]:
    """Tokens of the prompt and of the answer as the endpoint reports them; NaN if it does not."""
    return (math.nan, math.nan) if body is None else token_usage(usage_of(body))[:2]


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
