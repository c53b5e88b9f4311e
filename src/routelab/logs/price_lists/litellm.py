"""LiteLLM's `model_prices_and_context_window.json`: USD per token, an object a model."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from routelab.core.catalogue import ContextTier, Model, ServicePrices, price_problems
from routelab.logs.price_lists.numbers import count, scaled
from routelab.logs.price_lists.price_list import ListedPrices, PriceList

_FIELDS = {
    "input_cost_per_token": "input_usd_per_mtok",
    "output_cost_per_token": "output_usd_per_mtok",
    "cache_read_input_token_cost": "cached_input_usd_per_mtok",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h_usd_per_mtok",
    "cache_creation_input_token_cost": "cache_write_usd_per_mtok",
    "output_cost_per_reasoning_token": "reasoning_usd_per_mtok",
    "input_cost_per_request": "usd_per_request",
}
_KEY = re.compile(
    rf"(?P<field>{'|'.join(_FIELDS)})"
    r"(?:_above_(?P<k>\d+)k_tokens)?(?:_(?P<service>[a-z]+))?"
)
_SERVICES = {"batches": "batch"}
_PRICED = re.compile(r"cost|pricing")
_MIRRORS = frozenset({"input_cost_per_token_cache_hit"})
"""Fields that say again what another one does."""
_Rates = dict[str, float]


def recognised(found: Any) -> bool:
    """Whether decoded JSON looks like this list."""
    return isinstance(found, dict) and any(
        isinstance(it, dict) and ("litellm_provider" in it or _FIELDS.keys() & it.keys())
        for it in found.values()
    )


def price_list(source: str, found: Mapping[str, Any]) -> PriceList:
    """The models that are priced by tokens or requests.

    Args:
        source: the file's name.
        found: the decoded JSON.
    """
    entries = {
        name: it
        for name, it in found.items()
        if name != "sample_spec" and isinstance(it, dict) and any(map(_KEY.fullmatch, it))
    }
    entries |= {
        name: it
        for name, it in found.items()
        if isinstance(it, dict) and isinstance(it.get("tiered_pricing"), list)
    }

    def matches(name: str) -> list[str]:
        """A name behind that of its provider, or before which one stands in the list."""
        provider, slash, bare = name.partition("/")
        if slash and entries.get(bare, {}).get("litellm_provider") == provider:
            return [bare]
        return [] if slash else [it for it in entries if it.rpartition("/")[2] == name]

    return PriceList(source, "litellm", tuple(entries), lambda it: _listed(entries[it]), matches)


def _listed(entry: Mapping[str, Any]) -> ListedPrices:
    usual: dict[int, _Rates] = defaultdict(dict)
    services: dict[str, dict[int, _Rates]] = defaultdict(lambda: defaultdict(dict))
    problems: list[str] = []
    unread: list[str] = []
    for key, value in entry.items():
        if value is None:  # what LiteLLM writes down of itself holds each key it knows
            continue
        read = _KEY.fullmatch(key)
        if read is None:
            if _PRICED.search(key) and key not in _MIRRORS and key != "tiered_pricing":
                unread.append(key)
            continue
        field = _FIELDS[read["field"]]
        price = scaled(value, 1 if field == "usd_per_request" else 10**6)
        if price != price:
            problems.append(f"{key} is {value!r:.60}; a price is a number")
            continue
        service = read["service"]
        there = services[_SERVICES.get(service, service)] if service else usual
        there[int(read["k"] or 0) * 1000][field] = price
    problems += _ranges(entry.get("tiered_pricing") or (), usual)
    base: dict[str, Any] = dict(usual.pop(0, {}))
    per_request = base.pop("usd_per_request", 0.0)
    model = Model(
        **base,
        usd_per_request=per_request,
        context_window=count(entry.get("max_input_tokens")),
        tiers=_tiers(usual),
        services={
            name: ServicePrices(**tiers.pop(0, {}), tiers=_tiers(tiers))
            for name, tiers in services.items()
        },
    )
    notes = (f"not read: {', '.join(unread)}",) if unread else ()
    return ListedPrices(model, (*problems, *price_problems(model)), notes)


def _tiers(found: Mapping[int, _Rates]) -> tuple[ContextTier, ...]:
    return tuple(ContextTier(above_tokens=above, **it) for above, it in sorted(found.items()))


def _ranges(listed: Any, usual: dict[int, _Rates]) -> list[str]:
    """Prices by ranges of the prompt's length, put among the tiers; what is wrong with them."""
    bounds, problems = [], []
    for it in listed if isinstance(listed, list) else ():
        span = it.get("range") if isinstance(it, dict) else None
        if not (isinstance(span, list) and len(span) == 2):
            continue  # of results, not of tokens
        low, high = (scaled(end) for end in span)
        if not 0 <= low < high:
            problems.append(f"tiered_pricing: {span} is no range of tokens")
            continue
        bounds.append((low, high))
        for key, value in it.items():
            if (read := _KEY.fullmatch(key)) and not read["service"]:
                usual[int(low)][_FIELDS[read["field"]]] = scaled(value, 10**6)
    for one, other in pairwise(sorted(bounds)):
        if other[0] < one[1]:
            problems.append(
                f"tiered_pricing: the ranges {_span(one)} and {_span(other)} overlap; a prompt has"
                " one price"
            )
    return problems


def _span(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}"
