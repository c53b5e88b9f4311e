"""Costs of many calls at once, by the sum that prices one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np

from routelab.core import Bools, Floats
from routelab.core.catalogue import (
    STANDARD_SERVICES,
    Model,
    PriceSheet,
    TokenUsage,
    flat_usd,
    rates,
    tokens_usd,
)

_DAY_S = 86_400.0


def costs(
    model: Model,
    used: TokenUsage,
    services: Sequence[str] | None = None,
    time_s: Floats | None = None,
) -> Floats:
    """(n,) the cost of each call in USD, to the last bit that of `Model.cost_usd`.

    Args:
        model: with its prices.
        used: arrays (n,) of tokens; of parts, NaN is none.
        services: (n,) that served each; None for the usual one.
        time_s: (n,) Unix seconds of each, for prices that change; None for the latest.
    Raises:
        ValueError: the prices of some day and of another differ, and the time of a call is NaN.
    """
    prompt, completion = (np.asarray(it, dtype=np.float64) for it in used[:2])
    parts = [np.nan_to_num(np.asarray(it, dtype=np.float64)) for it in used[2:]]
    whole = TokenUsage(prompt, completion, *parts)  # type: ignore[arg-type]
    found = np.full(prompt.shape, np.nan)
    named = np.full(prompt.shape, "", dtype=object) if services is None else np.asarray(services)
    for here, sheet in _sheets(model, prompt.shape, time_s):
        for service in np.unique(named[here].astype(str)):
            at = here & (named == service)
            found[at] = _of_sheet(sheet, str(service), _taken(whole, at))
    if time_s is not None and model.dated and (lost := np.isnan(time_s)).any():
        at = lost & ~np.isnan(prompt)
        sheets: list[PriceSheet] = [model, *model.dated]
        every = [_of_sheet(it, "", _taken(whole, at)) for it in sheets]
        if services is not None or any(not np.array_equal(it, every[0], True) for it in every):
            raise ValueError("calls without a time, and prices that change with it")
        found[at] = every[0]
    return found


def _sheets(
    model: Model, shape: tuple[int, ...], time_s: Floats | None
) -> Iterator[tuple[Bools, PriceSheet]]:
    """Prices, and for which calls they hold."""
    if time_s is None or not model.dated:
        yield np.ones(shape, dtype=np.bool_), model.sheet()
        return
    starts = sorted(it.from_day for it in model.dated)
    bounds = np.array([(day - date(1970, 1, 1)).days * _DAY_S for day in starts])
    nth = np.searchsorted(bounds, time_s, side="right")
    for index in range(len(starts) + 1):
        here = (nth == index) & ~np.isnan(time_s)
        if here.any():
            sheet = model if index == 0 else model.sheet(starts[index - 1])
            yield here, sheet


def _taken(used: TokenUsage, at: Bools) -> TokenUsage:
    arrays: Any = [np.broadcast_to(it, at.shape)[at] for it in used]
    return TokenUsage(*arrays)


def _of_sheet(sheet: PriceSheet, service: str, used: TokenUsage) -> Floats:
    """(k,) costs by one sheet, tier by tier."""
    prompt: Any = used.prompt
    tiers = [it.above_tokens for it in sheet.tiers]
    if service not in STANDARD_SERVICES and service in sheet.services:
        tiers += [it.above_tokens for it in sheet.services[service].tiers]
    bounds = np.array(sorted(set(tiers)), dtype=np.float64)
    reached = np.searchsorted(bounds, prompt, side="left")
    found = np.full(prompt.shape, np.nan)
    for index in np.unique(reached):
        here = reached == index
        prices = rates(sheet, service, float(bounds[index - 1] + 1) if index else 0.0)
        if prices.input_usd_per_mtok is None or prices.output_usd_per_mtok is None:
            found[here] = flat_usd(prices)
        else:
            found[here] = tokens_usd(prices, _taken(used, here))
    return found
