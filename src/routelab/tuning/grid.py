"""Cascades tuned on a grid of thresholds: the front between the points that prices reach.

Line searches at a price find the corners of the hull only, and a cost bound may fall far
from the next corner. One joint histogram of the confidences answers every point of a grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core.table import Floats, Ints
from routelab.logs.log import Log
from routelab.metrics.hull import pareto
from routelab.policies import Cascade
from routelab.tuning.chains import MAX_STEPS, chains
from routelab.tuning.dial import Dial

POINTS = 4096
"""Threshold vectors tried for each chain: 4,096 of two models, 64 x 64 of three."""


class Found(NamedTuple):
    """A cascade with its sums over the log."""

    cost: float
    quality: float
    policy: Cascade


def cascades(
    log: Log, signal: str, dials: Mapping[str, Dial], *, steps: int = MAX_STEPS
) -> Iterator[Cascade]:
    """The non-dominated cascades of all chains, on a grid of thresholds for each chain."""
    found = (
        one for chain in chains(log, dials, steps) for one in of_chain(log, signal, chain, dials)
    )
    for one in best(found):
        yield one.policy


def best(found: Iterable[Found]) -> list[Found]:
    """The non-dominated ones."""
    listed = list(found)
    if not listed:
        return []
    kept = pareto([one.cost for one in listed], [one.quality for one in listed])
    return [one for one, keep in zip(listed, kept, strict=True) if keep]


def of_chain(
    log: Log, signal: str, chain: tuple[str, ...], dials: Mapping[str, Dial]
) -> Iterator[Found]:
    """The non-dominated cascades of one chain."""
    columns = [log.column(name) for name in chain]
    each = max(2, int(POINTS ** (1 / (len(chain) - 1))))
    levels = [_levels(dials[name], each) for name in chain[:-1]]
    reached = [
        _reached(log.signals[signal][:, column], edges)
        for column, edges in zip(columns, levels, strict=False)
    ]
    paid = [log.cost_with(signal, (slice(None), column)) for column in columns[:-1]]
    spent = np.cumsum([*paid, log.cost_usd[:, columns[-1]]], axis=0)
    cost = _sums(list(spent), reached, levels)
    quality = _sums([log.quality[:, column] for column in columns], reached, levels)
    for at in np.flatnonzero(pareto(cost.ravel(), quality.ravel())):
        index = np.unravel_index(at, cost.shape)
        thresholds = tuple(float(edges[i]) for edges, i in zip(levels, index, strict=True))
        yield Found(cost[index], quality[index], Cascade(chain, thresholds, signal))


def _levels(dial: Dial, count: int) -> Floats:
    """At most `count` thresholds, evenly among the dial's, ascending."""
    picked = np.linspace(0, len(dial.thresholds) - 1, count).round().astype(np.intp)
    return np.asarray(dial.thresholds[np.unique(picked)][::-1])


def _reached(confidence: Floats, levels: Floats) -> Ints:
    """(n,) how many levels each confidence reaches; none where it is missing."""
    found = np.searchsorted(levels, confidence, side="right")
    return np.where(np.isfinite(confidence), found, 0)


def _sums(values: Sequence[Floats], reached: Sequence[Ints], levels: Sequence[Floats]) -> Floats:
    """Sum over requests of what each is worth where it stops, for every threshold vector.

    Args:
        values: (n,) for each model: what a request is worth that stops there.
    Returns:
        One axis per model that can be overruled.
    """
    total = np.zeros([len(edges) for edges in levels])
    for stage, value in enumerate(values):
        used = reached[: stage + 1]
        shape = tuple(len(edges) + 1 for edges in levels[: stage + 1])
        cells = np.ravel_multi_index(tuple(used), shape)
        table = np.bincount(cells, value, minlength=int(np.prod(shape))).reshape(shape)
        for axis in range(len(used)):
            below = np.cumsum(table, axis=axis)
            table = np.take(below, [-1], axis=axis) - below if axis == stage else below
            table = np.delete(table, -1, axis=axis)
        total = total + table.reshape(table.shape + (1,) * (total.ndim - table.ndim))
    return total
