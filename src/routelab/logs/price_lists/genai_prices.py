"""The JSON of genai-prices: providers with their models, USD per million tokens, by day."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from routelab.core.catalogue import (
    ContextTier,
    DatedPrices,
    Model,
    ServicePrices,
    price_problems,
)
from routelab.logs.price_lists.numbers import count, scaled
from routelab.logs.price_lists.price_list import ListedPrices, PriceList

_FIELDS = {
    "input_mtok": "input_usd_per_mtok",
    "output_mtok": "output_usd_per_mtok",
    "cache_read_mtok": "cached_input_usd_per_mtok",
    "cache_write_mtok": "cache_write_usd_per_mtok",
    "cache_write_5m_mtok": "cache_write_usd_per_mtok",
    "cache_write_1h_mtok": "cache_write_1h_usd_per_mtok",
    "output_reasoning_mtok": "reasoning_usd_per_mtok",
}
_REQUESTS = "requests_kcount"
_SERVICE_KEYS = ("processing", "service_tier", "speed")
_USUAL = "default"


def recognised(found: Any) -> bool:
    """Whether decoded JSON looks like this list."""
    listed = _providers(found)
    return bool(listed) and all(isinstance(it, dict) and "models" in it for it in listed)


def price_list(source: str, found: Any) -> PriceList:
    """The models of all providers, each as PROVIDER/MODEL.

    Args:
        source: the file's name.
        found: the decoded JSON.
    """
    entries: dict[str, Mapping[str, Any]] = {}
    makers: dict[str, Any] = {}
    for provider in _providers(found):
        makers[str(provider.get("id"))] = provider.get("model_match")
        for it in provider.get("models") or ():
            if isinstance(it, dict) and "id" in it:
                entries[f"{provider.get('id')}/{it['id']}"] = it

    def matches(name: str) -> Sequence[str]:
        """Those that the list's own rules mean, of the model's maker first."""
        provider, slash, bare = name.partition("/")
        if slash and provider in makers:
            of_provider = [it for it in entries if it.startswith(f"{provider}/")]
            return _called(bare, of_provider, entries)[:1]
        found = _called(name, list(entries), entries)
        of_maker = [it for it in found if _matches(makers[it.partition("/")[0]], name)]
        return of_maker[:1] or found

    return PriceList(
        source, "genai-prices", tuple(entries), lambda it: _listed(entries[it]), matches
    )


def _providers(found: Any) -> list[Any]:
    listed = found.get("providers") if isinstance(found, dict) else found
    return listed if isinstance(listed, list) else []


def _called(name: str, keys: Sequence[str], entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Entries of this very id, else those whose rule takes it."""
    same = [it for it in keys if entries[it]["id"] == name]
    return same or [it for it in keys if _matches(entries[it].get("match"), name)]


def _matches(rule: Any, name: str) -> bool:
    """Whether a rule takes a name, in lower case as the list compares them."""
    if not isinstance(rule, dict) or len(rule) != 1:
        return False
    ((kind, value),) = rule.items()
    if kind in ("or", "and"):
        tried = (_matches(it, name) for it in value)
        return any(tried) if kind == "or" else all(tried)
    if not isinstance(value, str):
        return False
    name, text = name.lower(), value.lower()
    if kind == "regex":
        return re.search(value, name, re.IGNORECASE) is not None
    return {
        "equals": name == text,
        "starts_with": name.startswith(text),
        "ends_with": name.endswith(text),
        "contains": text in name,
    }.get(kind, False)


class _Part(NamedTuple):
    """Prices that hold from a day on, of one service; for some hours of every day only."""

    day: date | None
    service: str
    prices: Mapping[str, Any]
    hourly: bool = False


def _listed(entry: Mapping[str, Any]) -> ListedPrices:
    problems: list[str] = []
    notes: list[str] = []
    parts = list(_parts(entry, problems, notes))
    usual = [it for it in parts if not it.service and not it.hourly]
    days = sorted({it.day for it in parts if it.day is not None})
    starts = [it.day for it in usual]
    problems += [
        f"{times} prices from {day or 'the beginning'}; keep one"
        for day, times in Counter(starts).items()
        if times > 1
    ]
    first = _fields(parts, None, problems, notes)
    dated = [DatedPrices(from_day=day, **_fields(parts, day, problems, notes)) for day in days]
    model = Model(
        **{**first, "usd_per_request": first.get("usd_per_request", 0.0)},
        dated=tuple(dated),
        context_window=count(entry.get("context_window")),
    )
    found = (*problems, *price_problems(model))
    return ListedPrices(model, tuple(dict.fromkeys(found)), tuple(dict.fromkeys(notes)))


def _parts(entry: Mapping[str, Any], problems: list[str], notes: list[str]) -> Iterator[_Part]:
    prices = entry.get("prices")
    listed = prices if isinstance(prices, list) else [{"prices": prices}]
    for it in listed:
        if not isinstance(it, dict) or not isinstance(it.get("prices"), dict):
            problems.append(f"prices are {it!r:.60}; an object with prices is expected")
        elif (day := _start(it.get("constraint"), problems, notes)) is not False:
            yield _Part(None if day is True else day, "", it["prices"], day is True)
    for it in entry.get("price_variants") or ():
        when, varied = it.get("when") or {}, it.get("prices") or {}
        ((key, service), *others) = when.items() if when else (("", ""),)
        if others or key not in _SERVICE_KEYS:
            notes.append(
                f"not read: prices when {', '.join(f'{k} = {v}' for k, v in when.items())}"
            )
        elif service != _USUAL:
            day = _start(it.get("constraint"), problems, notes)
            if not isinstance(day, bool):
                yield _Part(day, str(service), varied)


def _start(constraint: Any, problems: list[str], notes: list[str]) -> date | bool | None:
    """The first day of prices; None for the beginning, True for hours, False if it is none."""
    if constraint is None:
        return None
    text = constraint.get("start_date") if isinstance(constraint, dict) else None
    if text is None:
        notes.append("prices by time of day are not read; the dearest are charged at any time")
        return True
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        problems.append(f"start_date is {text!r:.60}; a day such as 2026-10-14 is expected")
        return False


def _fields(
    parts: Sequence[_Part], day: date | None, problems: list[str], notes: list[str]
) -> dict[str, Any]:
    """The prices of a day, or of the time before the first one, as fields of a sheet."""
    begun = [it for it in parts if it.day is None or (day is not None and it.day <= day)]
    usual = [it for it in begun if not it.service] or [it for it in parts if not it.service][:1]
    last = max((it.day or date.min for it in usual), default=None)
    there = [it.prices for it in usual if it.hourly or (it.day or date.min) == last]
    rates, tiers = _rates(max(there, key=_dearness, default={}), problems, notes)
    services: dict[str, Any] = {}
    for it in begun:
        if it.service and it.service not in services:  # the first that names a price has it
            base, more = _rates(it.prices, problems, notes)
            services[it.service] = ServicePrices(**base, tiers=more)
    return {**rates, "tiers": tiers, "services": services}


def _dearness(prices: Mapping[str, Any]) -> tuple[float, ...]:
    """Prices to compare hours of a day by; those of longer prompts are dearer alike."""
    found = []
    for key in ("output_mtok", "input_mtok"):
        value = prices.get(key)
        price = scaled(value.get("base") if isinstance(value, dict) else value)
        found.append(price if price == price else -1.0)
    return tuple(found)


def _rates(
    prices: Mapping[str, Any], problems: list[str], notes: list[str]
) -> tuple[dict[str, float], tuple[ContextTier, ...]]:
    base: dict[str, float] = {}
    tiers: dict[int, dict[str, float]] = defaultdict(dict)
    unread = [key for key in prices if key not in _FIELDS and key != _REQUESTS]
    if unread:
        notes.append(f"not read: {', '.join(unread)}")
    if _REQUESTS in prices:
        per_thousand = scaled(prices[_REQUESTS])
        base["usd_per_request"] = per_thousand / 1e3
        if per_thousand != per_thousand:
            problems.append(f"{_REQUESTS} is {prices[_REQUESTS]!r:.60}; a price is a number")
    for key, field in _FIELDS.items():
        if key not in prices:
            continue
        value = prices[key]
        if isinstance(value, dict):
            starts = (it.get("start") for it in value.get("tiers") or () if isinstance(it, dict))
            problems += [
                f"{key}: {times} tiers above {start} tokens overlap; keep one"
                for start, times in Counter(starts).items()
                if times > 1
            ]
            for it in value.get("tiers") or ():
                above = count(it.get("start")) if isinstance(it, dict) else None
                if above is None:
                    problems.append(f"{key}: a tier is {it!r:.60}; it has a start and a price")
                else:
                    tiers[above][field] = scaled(it.get("price"))
            value = value.get("base")
        base[field] = scaled(value)
        if base[field] != base[field]:
            problems.append(f"{key} is {value!r:.60}; a price is a number")
            del base[field]
    found = tuple(ContextTier(above_tokens=at, **it) for at, it in sorted(tiers.items()))
    return base, found
