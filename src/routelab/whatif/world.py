"""Other prices, latencies or candidates, applied to a log as if it had been written so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from routelab.core import CallEstimate, Floats
from routelab.core.catalogue import PRICES, Catalogue, Model, TokenUsage, times
from routelab.errors import TuningError
from routelab.logs.model import Log
from routelab.logs.price_lists import costs

_SHEETS = ("tiers", "services", "dated")
_GONE = {"quality": 0.0, "cost_usd": 0.0, "latency_s": 0.0, "error": True}
"""What a call of a model that is gone comes to: it fails at once and costs nothing."""


class RepricedWorld(msgspec.Struct, frozen=True):
    """Changes of prices, latencies and candidates since a log was written.

    Attributes:
        prices: new list prices by model, in USD; of those that change from day to day, the latest.
        price: factor on every cost of a model, on top of `prices`.
        latency: factor on its latency.
        drop: candidates that are gone.
        add: models of the log that become candidates.
    """

    prices: Mapping[str, Model] = msgspec.field(default_factory=dict)
    price: Mapping[str, float] = msgspec.field(default_factory=dict)
    latency: Mapping[str, float] = msgspec.field(default_factory=dict)
    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()

    def candidates(self, before: Sequence[str]) -> tuple[str, ...]:
        """The candidates after models were dropped and added."""
        return tuple(name for name in (*before, *self.add) if name not in self.drop)

    def check(self, log: Log, before: Sequence[str]) -> None:
        """Refuse factors out of range, and models that are no candidates or not in the log.

        Args:
            log: whose outcomes are to change.
            before: the candidates until now.
        Raises:
            TuningError: all of it, named.
        """
        if problems := list(_problems(self, log, before)):
            raise TuningError(*problems)

    def changes(self, before: Sequence[str]) -> tuple[str, ...]:
        """The changes, in sentences."""
        concerned = {*before, *self.add}
        listed = [name for name in self.prices if name in concerned]
        return (
            *([f"list prices of {', '.join(listed)} are new"] if listed else ()),
            *(f"{name} costs {factor:g} times as much" for name, factor in self.price.items()),
            *(f"{name} takes {factor:g} times as long" for name, factor in self.latency.items()),
            *(f"{name} is gone: its calls fail at once and cost nothing" for name in self.drop),
            *(f"{name} is a candidate" for name in self.add),
        )

    def log(self, log: Log, known: Catalogue) -> Log:
        """The log as it would have been written.

        A new list price changes a logged cost in the ratio of the new to the old price of its
        tokens, those read from a cache or written to one and those of reasoning at their own
        prices as far as they were logged, so that discounts in the log stay; where the old price
        is not known, the new cost is tokens times price. What a signal costs moves with its
        model. Without a change of a model its outcomes are the same to the last bit.

        Args:
            log: as it was written.
            known: prices until now.
        Raises:
            TuningError: a new list price of a model whose tokens were not logged.
        """
        changed: dict[str, Any] = {
            name: np.array(getattr(log, name), order="F") for name in (*_GONE, *_TOKENS)
        }
        signals = {name: np.array(values, order="F") for name, values in log.signals.items()}
        extra = {name: np.array(values, order="F") for name, values in log.extra_usd.items()}
        parts = {name: np.array(values, order="F") for name, values in log.token_parts.items()}
        problems: list[str] = []
        for name, factor in self._factors(log, known, problems):
            column = log.column(name)
            changed["cost_usd"][:, column] *= factor
            for values in extra.values():
                values[:, column] *= factor
        for name, value in self.latency.items():
            changed["latency_s"][:, log.column(name)] *= value
        for name in self.drop:
            column = log.column(name)
            for field, value in _GONE.items():
                changed[field][:, column] = value
            for values in (
                *extra.values(),
                *parts.values(),
                *(changed[field] for field in _TOKENS),
            ):
                values[:, column] = 0.0
            for values in signals.values():
                values[:, column] = np.nan
        if problems:
            raise TuningError(*problems)
        again = tuple(self.log(sample, known) for sample in log.again)
        changed |= {"signals": signals, "extra_usd": extra, "token_parts": parts}
        return replace(log, **changed, again=again)

    def _factors(
        self, log: Log, known: Catalogue, problems: list[str]
    ) -> Iterator[tuple[str, Floats | float]]:
        """Factors on the costs of each model, (n,) or one for all."""
        for name, model in self.prices.items():
            if name in log.models:
                factor = _ratio(log, log.column(name), known.model(name), model)
                if factor is None:
                    problems.append(
                        f"{log.name}: the tokens of {name!r} were not logged, so a list price does"
                        f" not give its costs; say how much dearer it is: `price` {name}=FACTOR"
                    )
                else:
                    yield name, factor
        yield from self.price.items()

    def catalogue(self, known: Catalogue) -> Catalogue:
        """The models with their new prices."""
        models = {name: self._priced(name, it) for name, it in known.models.items()}
        return Catalogue(models, known.engine)

    def _priced(self, name: str, model: Model) -> Model:
        new = self.prices.get(name)
        if new is not None:
            said = {it: own for it in PRICES if (own := getattr(new, it)) is not None}
            sheets = {it: getattr(new, it) for it in _SHEETS}
            model = msgspec.structs.replace(model, **said, **sheets)
        factor = self.price.get(name, 1.0)
        repriced: Model = model if factor == 1.0 else times(model, factor)
        return repriced

    def estimates(
        self, known: Mapping[str, CallEstimate], before: Log, after: Log
    ) -> Mapping[str, CallEstimate]:
        """Expected USD and seconds of a call now.

        USD change in the ratio of the model's mean costs in two logs, seconds by its factor.

        Args:
            known: estimates until now, by model.
            before: the log as it was written.
            after: the log with the changes.
        """
        return {
            name: CallEstimate(
                _times(
                    estimate.cost_usd, _means(before.cost_usd, after.cost_usd, before.column(name))
                ),
                _times(estimate.latency_s, self.latency.get(name, 1.0)),
            )
            for name, estimate in known.items()
        }


_TOKENS = ("prompt_tokens", "completion_tokens")


def _ratio(log: Log, column: int, old: Model, new: Model) -> Floats | None:
    """(n,) the new cost of each call over the logged one; None where that cannot be known."""
    cost = log.cost_usd[:, column]
    names = [f"{it}_tokens" for it in TokenUsage._fields]
    known = {**{name: getattr(log, name) for name in _TOKENS}, **log.token_parts}
    tokens = [known[it][:, column] if it in known else np.zeros(len(log)) for it in names]
    used = TokenUsage(*tokens)  # type: ignore[arg-type]
    target = costs(new, used)
    past = costs(old, used, None, _times_s(log, old))
    past = np.where(np.isnan(past), cost, past)
    charged = (cost > 0) & ~log.error[:, column]
    if np.isnan(target[charged]).any():
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(charged & (past > 0), target / past, 1.0)


def _times_s(log: Log, model: Model) -> Floats | None:
    """(n,) when each call was made, where prices hang on it; None for the latest prices."""
    time_s = log.requests.timestamp_s
    known = model.dated and time_s is not None and not np.isnan(time_s).any()
    return time_s if known else None


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _means(before: Floats, after: Floats, column: int) -> float:
    old, new = np.nansum(before[:, column]), np.nansum(after[:, column])
    return float(new / old) if old > 0 else 1.0


def _problems(world: RepricedWorld, log: Log, before: Sequence[str]) -> Iterator[str]:
    concerned = (*before, *world.add)
    for field, factors in (("price", world.price), ("latency", world.latency)):
        for name, factor in factors.items():
            if not 0 <= factor < math.inf:
                yield f"`{field}` {name}={factor:g}: a factor is finite and not negative"
            if name not in concerned:
                yield f"`{field}` {name}: is no candidate; there is {', '.join(before)}"
    for name in world.drop:
        if name not in before:
            yield f"`drop` {name}: is no candidate; there is {', '.join(before)}"
    for name in world.add:
        if name in before:
            yield f"`add` {name}: is a candidate already"
        elif name not in log.models:
            yield f"`add` {name}: {log.name} has no such model; it has {', '.join(log.models)}"
        elif name not in log.costed and name not in world.prices:
            yield f"`add` {name}: has no cost in {log.name}; it cannot be compared"
    if world.prices and not set(world.prices).intersection(concerned):
        yield f"`prices`: lists none of the candidates {', '.join(concerned)}"
    if len({*world.candidates(before)}) < 2:
        yield "fewer than two candidates are left, so there is nothing to route"
