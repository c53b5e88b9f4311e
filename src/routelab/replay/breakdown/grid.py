"""Every combination of some thresholds, with what its figures and their errors follow from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from routelab.core import Floats, Ints
from routelab.policies import Cascade
from routelab.replay.breakdown.levels import levels
from routelab.replay.breakdown.shape import Grid
from routelab.replay.breakdown.stops import NEVER, Stops, stops
from routelab.replay.comparison_set import ComparisonSet

_T = TypeVar("_T")

LEVELS = {1: 101, 2: 21, 3: 9, 4: 5, 5: 4, 6: 3}
"""Levels of each threshold, by the number of thresholds: about 1,000 cells at most."""

MOVING = 9
"""Of more than six thresholds the first nine have two levels, and the others stay."""


class _Asked(NamedTuple):
    """One step of the requests that get there.

    Attributes:
        off: (groups,) sum of each group's differences from the mean cost.
        cov: covariance of the mean cost with that of every step up to this one.
    """

    calls: int
    usd: float
    off: Floats
    cov: tuple[float, ...]


class _Cell(NamedTuple):
    """One set of thresholds; see `Grid`."""

    asked: tuple[_Asked, ...]
    quality: float
    quality_se: float
    answered: tuple[int, ...]
    escalated: int


def grid(cascade: Cascade, comparison: ComparisonSet) -> Grid:
    """The cells around a cascade's own thresholds, each as exact as a replay.

    Raises:
        LogError: the log lacks a model or the signal of the cascade.
    """
    order = np.argsort(comparison.groups, kind="stable")
    found = stops(cascade, comparison.take(order, comparison.part))
    starts = np.append(0, np.flatnonzero(np.diff(comparison.groups[order])) + 1)
    axes = _axes(found)
    cells = list(_walk(found, axes, starts, (), np.full(len(found), len(axes))))
    return Grid(
        part=comparison.part,
        n_requests=len(found),
        signal=cascade.signal,
        models=cascade.models,
        thresholds=axes,
        chosen=tuple(axis.index(own) for axis, own in zip(axes, cascade.thresholds, strict=True)),
        quality=tuple(cell.quality for cell in cells),
        quality_se=tuple(cell.quality_se for cell in cells),
        usd=_by_row([step.usd for step in cell.asked] for cell in cells),
        usd_cov=_by_row(_upper_triangle(cell) for cell in cells),
        calls=_by_row([step.calls for step in cell.asked] for cell in cells),
        answered=_by_row(cell.answered for cell in cells),
        escalated=tuple(cell.escalated for cell in cells),
    )


def _axes(stops: Stops) -> tuple[tuple[float, ...], ...]:
    """(m - 1,) thresholds to combine."""
    chosen = stops.cascade.thresholds
    each = LEVELS.get(len(chosen), 2)
    return tuple(
        levels(stops.confidence[step][stops.asked[step]], own, each if step < MOVING else 1)
        for step, own in enumerate(chosen)
    )


def _walk(
    stops: Stops,
    axes: Sequence[Sequence[float]],
    starts: Ints,
    before: tuple[_Asked, ...],
    at: Ints,
) -> Iterator[_Cell]:
    """The cells in C order; what thresholds of earlier steps decide is worked out once.

    Args:
        starts: first row of each group; rows of a group stand side by side.
        before: the earlier steps.
        at: (n,) where requests stop that stop earlier, else the last step.
    """
    step = len(before)
    asked = (*before, _asked(stops, step, starts, before, at))
    if step == len(axes):
        yield _cell(stops, asked, starts, at)
        return
    waiting = at >= step
    for threshold in axes[step]:
        here = waiting & stops.accepts(step, threshold)
        yield from _walk(stops, axes, starts, asked, np.where(here, step, at))


def _asked(stops: Stops, step: int, starts: Ints, before: tuple[_Asked, ...], at: Ints) -> _Asked:
    there = stops.gets_to(step, at)
    usd = np.where(there, stops.usd[step], 0.0)
    off = _off(usd, starts)
    covariances = [_covariance(one.off, off, len(at)) for one in before]
    own = _covariance(off, off, len(at))
    return _Asked(int(np.count_nonzero(there)), float(usd.mean()), off, (*covariances, own))


def _cell(stops: Stops, asked: tuple[_Asked, ...], starts: Ints, at: Ints) -> _Cell:
    at = np.where((at == len(asked) - 1) & ~stops.final[-1], NEVER, at)
    quality = stops.pick(stops.quality, at)
    off = _off(quality, starts)
    answered = np.bincount(stops.pick(stops.answered, at) + 1, minlength=len(asked) + 1)
    return _Cell(
        asked,
        quality=float(quality.mean()),
        quality_se=math.sqrt(_covariance(off, off, len(at))),
        answered=tuple(answered[1:].tolist()),
        escalated=int(np.count_nonzero(stops.pick(stops.calls, at) > 1)),
    )


def _upper_triangle(cell: _Cell) -> list[float]:
    """Covariances of the costs of each two steps, by rows."""
    steps = range(len(cell.asked))
    return [cell.asked[last].cov[first] for first in steps for last in steps[first:]]


def _off(values: Floats, starts: Ints) -> Floats:
    """(groups,) sum of each group's differences from the mean."""
    off = values - values.mean()
    return off if len(starts) == len(off) else np.add.reduceat(off, starts)


def _covariance(one: Floats, other: Floats, n: int) -> float:
    """Of two means over n rows, from the groups' sums; NaN for a single group.

    Source: Liang & Zeger 1986, with the correction G / (G - 1).
    """
    groups = len(one)
    if groups < 2:
        return float("nan")
    return float(np.einsum("g,g->", one, other)) * groups / (groups - 1) / n**2


def _by_row(cells: Iterable[Sequence[_T]]) -> tuple[tuple[_T, ...], ...]:
    """(k, cells) of (cells, k)."""
    return tuple(zip(*cells, strict=True))
