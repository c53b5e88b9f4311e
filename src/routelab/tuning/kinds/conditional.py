"""A policy for each task, tenant or priority: one price for all, and each value its own best.

Thresholds are searched on all requests together, where there are many; a value only chooses
among the chains and how far along each to stop. On drawn logs whose truth is known that is worth
as much as thresholds of its own for every value, at a small part of the search.

A policy of many is best at a cost where a dollar buys as much quality everywhere, so every
value takes the policy of greatest quality minus price times cost on its own requests. Few
requests are drawn towards what is best for all (Efron & Morris 1975): the mean over all
requests counts as so many rows more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints, Policy
from routelab.metrics import pareto
from routelab.policies import Conditional, Fixed, Match, Rule
from routelab.replay import ComparisonSet
from routelab.tuning.options import By
from routelab.tuning.solvers import prices

FEWEST = 20
"""Requests below which a value follows the policy for all."""

FEW = 5
"""The same, where a value only chooses a model."""

MOST_VALUES = 1000
"""Values that get a policy of their own, at most: the most common ones."""

PRICES = 60
"""Qualities per USD at which every value takes its best policy."""

PULLS = (0.0, 50.0, 500.0)
"""How many rows the mean over all requests is worth."""

MOST_MODELS = 8
"""Models that policies are made of, at most."""

Source = Callable[[ComparisonSet, Sequence[str]], Iterable[Policy]]
"""Proposes policies over some models, cheapest first, that do well on a comparison."""


def conditionals(
    by: By, comparison: ComparisonSet, sources: Sequence[Source], n_prices: int = PRICES
) -> list[Conditional]:
    """Policies that give values of a column different policies, one for each price and pull.

    Args:
        by: column of the requests: "task", "tenant" or "priority".
        comparison: rows to search; scores of scorers there must be of fits that did not see them.
        sources: asked for policies over the models that do best for some value; without any,
            a value chooses one model.
        n_prices: qualities per USD at which every value takes its best policy.
    """
    column = getattr(comparison.log.requests, by)
    if column is None:
        return []
    values = _values(column.astype(str), FEWEST if sources else FEW)
    if len(values) < 2:
        return []
    pool: list[Policy] = [Fixed(name) for name in comparison.models]
    if sources:
        models = _models(comparison, values)
        pool += [policy for source in sources for policy in source(comparison, models)]
    pool = list(dict.fromkeys(pool))
    worth = _worth(comparison, pool, values)
    policies = [
        policy
        for pull in PULLS
        for price in prices(comparison.log, n_prices)
        if (policy := _chosen(by, pool, worth, pull, price)) is not None
    ]
    return list(dict.fromkeys(policies))


def _values(column: npt.NDArray[np.str_], fewest: int) -> dict[str, Ints]:
    """Rows of every named value that is common enough, by value."""
    names, code, count = np.unique(column, return_inverse=True, return_counts=True)
    rows = np.split(np.argsort(code, kind="stable"), np.cumsum(count)[:-1])
    common = np.flatnonzero((count >= fewest) & (names != ""))
    most = np.sort(common[np.argsort(-count[common], kind="stable")][:MOST_VALUES])
    return {str(names[at]): rows[at] for at in most.tolist()}


def _models(comparison: ComparisonSet, values: Mapping[str, Ints]) -> list[str]:
    """Models that no other beats in both cost and quality, for most of the requests."""
    count = np.zeros(len(comparison.models))
    for rows in (np.arange(len(comparison.log)), *values.values()):
        cost, quality = (
            comparison.log.cost_usd[rows].mean(axis=0),
            comparison.log.quality[rows].mean(axis=0),
        )
        count += len(rows) * pareto(cost, quality)
    kept = np.argsort(-count, kind="stable")[:MOST_MODELS]
    kept = kept[count[kept] > 0]
    cost = comparison.log.cost_usd.mean(axis=0)
    return [comparison.models[at] for at in kept[np.argsort(cost[kept], kind="stable")]]


class _Worth(NamedTuple):
    """Sums over requests of what each policy of a pool costs and brings.

    Attributes:
        names: of the values (k).
        rows: (k,) their requests.
        cost, quality: (policies, k) sums over the requests of each value.
        mean_cost, mean_quality: (policies,) over all requests.
    """

    names: tuple[str, ...]
    rows: Floats
    cost: Floats
    quality: Floats
    mean_cost: Floats
    mean_quality: Floats


def _worth(comparison: ComparisonSet, pool: Sequence[Policy], values: Mapping[str, Ints]) -> _Worth:
    code = np.full(len(comparison.log), len(values))
    for index, rows in enumerate(values.values()):
        code[rows] = index
    sums = np.empty((2, len(pool), len(values) + 1))
    for at, policy in enumerate(pool):
        done = comparison.replay(policy)
        for axis, measured in enumerate((done.cost_usd, done.quality)):
            sums[axis, at] = np.bincount(code, measured, minlength=len(values) + 1)
    mean: Floats = sums.sum(axis=2) / max(1, len(comparison.log))
    common: Floats = np.array([len(rows) for rows in values.values()], dtype=np.float64)
    return _Worth(tuple(values), common, sums[0, :, :-1], sums[1, :, :-1], mean[0], mean[1])


def _chosen(
    by: By, pool: Sequence[Policy], worth: _Worth, pull: float, price: float
) -> Conditional | None:
    """Every value's best policy at a price; None where that is one for all."""
    overall = worth.mean_quality - price * worth.mean_cost
    own = worth.quality - price * worth.cost
    best = np.argmax((own + pull * overall[:, None]) / (worth.rows + pull), axis=0)
    otherwise = int(np.argmax(overall))
    of_policy: dict[int, list[str]] = {}
    for name, at in zip(worth.names, best.tolist(), strict=True):
        if at != otherwise:
            of_policy.setdefault(at, []).append(name)
    if not of_policy:
        return None
    rules = tuple(Rule(_match(by, names), pool[at]) for at, names in sorted(of_policy.items()))
    return Conditional(rules, pool[otherwise])


def _match(by: By, names: Sequence[str]) -> Match:
    return msgspec.convert({by: names}, Match)
