"""Prices that nothing can cost, wherever they were read from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from routelab.core.catalogue.catalogue import Model
from routelab.core.catalogue.prices import PRICES, STANDARD_SERVICES, ContextTier
from routelab.core.messages import nearest

USUAL_SERVICES = ("batch", "flex", "priority")
"""Services that catalogues tend to price; others are as good, but for a slip of the pen."""

_MOST_TOKENS = 10**12


def price_problems(model: Model) -> Iterator[str]:
    """What is wrong with the prices of a model, in sentences."""
    yield from _sheet(model, "")
    days = Counter(it.from_day for it in model.dated)
    for day, times in days.items():
        if times > 1:
            yield f"dated: {times} prices from {day}; keep one of each day"
    for sheet in model.dated:
        yield from _sheet(sheet, f"dated from {sheet.from_day}: ")


def _sheet(sheet: Any, place: str) -> Iterator[str]:
    yield from _rates(sheet, place)
    yield from _tiers(sheet.tiers, place)
    services: Mapping[str, Any] = sheet.services
    for name, service in services.items():
        here = f"{place}services.{name}: "
        if name in STANDARD_SERVICES:
            yield f"{here}it is the service without a name; give its prices as the model's own"
        elif name not in USUAL_SERVICES and (meant := nearest(name, USUAL_SERVICES, cutoff=0.7)):
            yield f"{here}write {meant!r}, or a name less like it"
        yield from _rates(service, here)
        yield from _tiers(service.tiers, here)


def _tiers(tiers: tuple[ContextTier, ...], place: str) -> Iterator[str]:
    for above, times in Counter(it.above_tokens for it in tiers).items():
        if times > 1:
            yield f"{place}{times} tiers above {above} tokens overlap; keep one"
        if above <= 0:
            yield f"{place}a tier above {above} tokens; it is above a positive number of them"
        if above > _MOST_TOKENS:
            size = f"10^{len(str(above)) - 1}"
            yield f"{place}a tier above {size} tokens; no prompt is that long: leave it out"
    for tier in tiers:
        yield from _rates(tier, f"{place}tier above {tier.above_tokens}: ")


def _rates(prices: Any, place: str) -> Iterator[str]:
    for field in PRICES:
        price = getattr(prices, field)
        if price is not None and not (math.isfinite(price) and price >= 0):
            yield f"{place}{field} is {price}; a price is finite and not negative"
