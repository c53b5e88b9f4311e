"""The best cascade of a large log, by trying them all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import LogError
from routelab.logs.model import Log
from routelab.policies import Cascade, Fixed
from routelab.synthetic.chance import Chance
from routelab.synthetic.draw import draw
from routelab.synthetic.scene import Period

GRID = 64
"""Thresholds tried for each model: quantiles of its own confidence."""

LONGEST = 3
"""Models in a cascade."""


class BestPolicy(NamedTuple):
    """A policy and its mean quality and cost on the log it was chosen on.

    Attributes:
        policy: the cascade, or one model.
        quality: in [0, 1].
        usd_per_1k: USD per 1,000 requests.
    """

    policy: Cascade | Fixed
    quality: float
    usd_per_1k: float


@cache
def world(period: Period, n: int = 200_000, seed: int = 1) -> Log:
    """A large log of one period, without texts: what policies are truly worth there.

    Shares no random number with `sample`, and is drawn once per process.

    Args:
        period: before or after the drift.
        n: requests.
        seed: of everything drawn.
    """
    return draw(n, Chance(seed, f"world/{period}"), period).log


@cache
def best(period: Period, max_usd_per_1k: float) -> BestPolicy:
    """The best cascade of a period under a cost bound, on `world(period)`."""
    return best_cascade(world(period), max_usd_per_1k)


def best_cascade(log: Log, max_usd_per_1k: float, signal: str = "confidence") -> BestPolicy:
    """The cascade of most quality whose mean cost keeps the bound.

    Tries every chain of up to 3 models that rises in mean cost, and 64 thresholds for each
    model that can be overruled. Meant for logs so large that choosing among a hundred
    thousand policies hardly flatters the winner.

    Args:
        log: with every outcome of every model.
        max_usd_per_1k: USD per 1,000 requests at most, signals included.
        signal: the confidence that thresholds compare.
    Raises:
        LogError: even the cheapest model costs more.
    """
    found = list(_candidates(log, signal, max_usd_per_1k))
    if not found:
        cheapest = float(log.cost_usd.mean(axis=0).min()) * 1000
        raise LogError(
            f"{log.name}: no cascade costs {max_usd_per_1k} USD per 1,000 requests or less;"
            f" the cheapest model costs {cheapest:.4g}"
        )
    return max(found, key=lambda one: one.quality)


class _Ladder(NamedTuple):
    """One model's thresholds.

    Attributes:
        edges: (k,) ascending.
        reached: (n,) how many of them each confidence reaches; none where it is missing.
    """

    edges: Floats
    reached: Ints


def _ladder(confidence: Floats) -> _Ladder:
    """Midpoints between distinct observed values, at even quantiles."""
    values = np.unique(confidence[~np.isnan(confidence)])
    at = np.unique(np.linspace(0, len(values) - 2, GRID).astype(np.int64))
    edges = (values[at] + values[at + 1]) / 2.0
    reached = np.searchsorted(edges, confidence, side="right")
    return _Ladder(edges, np.where(np.isnan(confidence), 0, reached))


def _candidates(log: Log, signal: str, bound: float) -> Iterator[BestPolicy]:
    rising = [int(column) for column in np.argsort(log.cost_usd.mean(axis=0))]
    ladders = {column: _ladder(log.signals[signal][:, column]) for column in rising}
    for length in range(1, LONGEST + 1):
        for chain in combinations(rising, length):
            overruled = [ladders[column] for column in chain[:-1]]
            yield from _best_of_chain(log, chain, overruled, signal, bound)


def _best_of_chain(
    log: Log, chain: tuple[int, ...], ladders: list[_Ladder], signal: str, bound: float
) -> Iterator[BestPolicy]:
    quality, usd_per_1k = _means(log, chain, ladders, log.cost_with(signal))
    allowed = np.where(usd_per_1k <= bound, quality, -np.inf)
    at = np.unravel_index(int(np.argmax(allowed)), allowed.shape)
    if allowed[at] > -np.inf:
        models = tuple(log.models[column] for column in chain)
        thresholds = tuple(float(one.edges[k]) for one, k in zip(ladders, at, strict=True))
        policy = Cascade(models, thresholds, signal) if thresholds else Fixed(models[0])
        yield BestPolicy(policy, float(quality[at]), float(usd_per_1k[at]))


def _means(
    log: Log, chain: tuple[int, ...], ladders: list[_Ladder], asked_usd: Floats
) -> tuple[Floats, Floats]:
    """Mean quality, and USD per 1,000 requests, at every combination of thresholds.

    Returns:
        Two arrays with one axis per model that can be overruled.
    """
    quality = cost = np.zeros([len(one.edges) for one in ladders])
    for step, column in enumerate(chain):
        final = step == len(ladders)
        usd = log.cost_usd if final else asked_usd
        quality = quality + _sums(log.quality[:, column], ladders, step, delivered=not final)
        cost = cost + _sums(usd[:, column], ladders, step, delivered=False)
    return quality / len(log), cost / len(log) * 1000


def _sums(values: Floats, ladders: list[_Ladder], step: int, *, delivered: bool) -> Floats:
    """Sums over the requests that reach a step, or of them those whose answer is delivered.

    A request is in one cell of a joint histogram; cumulating the cells answers every
    combination of thresholds at once.
    """
    used = ladders[: step + delivered]
    cells = np.zeros(len(values), dtype=np.int64)
    for one in used:
        cells = cells * (len(one.edges) + 1) + one.reached
    shape = [len(one.edges) + 1 for one in used]
    counted = np.bincount(cells, weights=values, minlength=int(np.prod(shape)))
    table: Floats = counted.astype(np.float64).reshape(shape)
    for axis in range(len(used)):
        short = np.cumsum(table, axis=axis)
        everyone = np.take(short, [-1], axis=axis)
        table = everyone - short if delivered and axis == step else short
        table = np.delete(table, -1, axis=axis)
    return table.reshape(table.shape + (1,) * (len(ladders) - len(used)))
