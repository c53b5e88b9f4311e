"""List prices that fill in the costs a log lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time

import numpy as np

from routelab.core import Bools, Floats
from routelab.core.catalogue import DatedPrices, Model, TokenUsage
from routelab.logs.columns.rows import LogRows
from routelab.logs.model import Problems
from routelab.logs.price_lists import PriceList, costs


def fill(
    rows: LogRows, prices: PriceList | Mapping[str, Model], source: str, problems: Problems
) -> tuple[LogRows, tuple[str, ...]]:
    """Derive costs from tokens and prices where none is logged; logged costs are kept.

    A row that says which model served it is priced at that one, where it is listed.

    Args:
        prices: of which other names than the list's own are understood too.
        source: of the prices, for the note.
        problems: takes prices that cannot be told: of several days, for calls without a time.
    Returns:
        The rows, and a note of what was derived.
    Raises:
        LogError: a name that may mean several models of a list, or prices that nothing can cost.
    """
    cost = rows.values["cost_usd"]
    lacking = np.isnan(cost)
    if not lacking.any():
        return rows, ()
    listed = _listed(rows, prices, lacking)
    derived = np.full(len(cost), np.nan)
    for name, at in _priced_as(rows, listed, lacking):
        try:
            derived[at] = costs(listed[name], *_calls(rows, at))
        except ValueError:
            problems.add(
                f"{source}: the prices of {name!r} change from day to day, and the log does not say"
                f" when {int(at.sum()):,} of its calls were made; make a list of one day's prices"
                " with `routelab prices`, `at='2026-10-14'`"
            )
    derived[rows.error & np.isnan(rows.values["prompt_tokens"])] = np.nan
    here = lacking & ~np.isnan(derived)
    if not here.any():
        return rows, ()
    names = [rows.models[index] for index in np.unique(rows.model[here])]
    tokens = "" if np.isnan(rows.values["prompt_tokens"][here]).all() else "tokens and "
    note = (
        f"cost of {', '.join(names)} derived from {tokens}the prices of {source} on"
        f" {int(here.sum()):,} rows without a logged cost"
    )
    return replace(rows, values={**rows.values, "cost_usd": np.where(here, derived, cost)}), (note,)


def unpriced(rows: LogRows, prices: PriceList) -> tuple[str, ...]:
    """A sentence for every model that has tokens, no cost, and no price in a list.

    Args:
        prices: that the user gave to price these rows.
    """
    known = ~np.isnan(rows.values["prompt_tokens"]) & ~rows.error
    lost = np.unique(rows.model[known & np.isnan(rows.values["cost_usd"])])
    return tuple(
        f"{it}; add it to the list, or its costs to the log"
        for it in prices.unknown([rows.models[index] for index in lost])
    )


def too_early(rows: LogRows, prices: PriceList | Mapping[str, Model], source: str) -> Iterator[str]:
    """A sentence for every model that answered before the first day of its prices.

    Args:
        rows: after all prices were applied.
        prices, source: as for `fill`.
    """
    time_s = rows.requests.timestamp_s
    lacking = np.isnan(rows.values["cost_usd"]) & ~rows.error
    if time_s is None or not lacking.any():
        return
    listed = _listed(rows, prices, lacking)
    for name, at in _priced_as(rows, listed, lacking):
        first = _first_day(listed[name])
        if first is None:
            continue
        began_s = datetime.combine(first, time(), UTC).timestamp()
        if early := int((time_s[rows.request[at]] < began_s).sum()):
            yield (
                f"{source}: the prices of {name!r} begin on {first}, and {early:,} of its calls"
                " without a logged cost were made before; say what they cost then, in a row of the"
                " list without a day"
            )


def _first_day(model: Model) -> date | None:
    """From which on a model has prices; None where it always had some, or never has."""
    if _priced(model):
        return None
    return min((it.from_day for it in model.dated if _priced(it)), default=None)


def _priced(sheet: Model | DatedPrices) -> bool:
    both = None not in (sheet.input_usd_per_mtok, sheet.output_usd_per_mtok)
    return both or bool(sheet.usd_per_request)


def free_failures(rows: LogRows) -> LogRows:
    """Failed calls without any cost cost nothing."""
    cost = rows.values["cost_usd"]
    cost = np.where(rows.error & np.isnan(cost), 0.0, cost)
    return replace(rows, values={**rows.values, "cost_usd": cost})


def _listed(
    rows: LogRows, prices: PriceList | Mapping[str, Model], lacking: Bools
) -> dict[str, Model]:
    """The models whose prices are wanted, as far as they are listed."""
    names = [rows.models[index] for index in np.unique(rows.model[lacking])]
    served = rows.served
    if served is not None:
        names += [str(it) for it in served.values[np.unique(served.codes[lacking])] if it]
    if isinstance(prices, PriceList):
        return prices.models(names)
    return {name: prices[name] for name in names if name in prices}


def _priced_as(
    rows: LogRows, listed: Mapping[str, Model], lacking: Bools
) -> list[tuple[str, Bools]]:
    """Models at whose prices rows are charged, and which rows those are."""
    own = np.array([name if name in listed else "" for name in rows.models], dtype=object)
    names = own[rows.model]
    if rows.served is not None:
        there = np.array([it if it in listed else "" for it in rows.served.values], dtype=object)
        served = there[rows.served.codes]
        names = np.where(served == "", names, served)
    return [(name, lacking & (names == name)) for name in dict.fromkeys(names[lacking]) if name]


def _calls(rows: LogRows, at: Bools) -> tuple[TokenUsage, list[str] | None, Floats | None]:
    """Tokens, services and times of some rows."""
    zeros = np.zeros(int(at.sum()))

    def tokens(name: str) -> Floats:
        return rows.values[name][at] if name in rows.values else zeros

    arrays = [tokens(f"{it}_tokens") for it in TokenUsage._fields]
    services = None
    if rows.service is not None:
        services = [str(it) for it in rows.service.values[rows.service.codes[at]]]
    time_s = rows.requests.timestamp_s
    at_s = np.full(len(zeros), np.nan) if time_s is None else time_s[rows.request[at]]
    return TokenUsage(*arrays), services, at_s  # type: ignore[arg-type]
