"""Cost against quality: fronts, hulls and what the single models reach without any policy.

Source: RouterBench, arXiv 2403.12031, section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats
from routelab.stats import align, matrix, same_shape, vector


class Hull(NamedTuple):
    """Vertices of a non-decreasing concave hull, both strictly rising.

    Attributes:
        cost: (n_vertices,) from the cheapest point to the best one.
        quality: (n_vertices,).
    """

    cost: Floats
    quality: Floats


def pareto(cost: npt.ArrayLike, quality: npt.ArrayLike) -> Bools:
    """(n,) which points no other one dominates, by costing less or being better.

    Of equal points only the first is kept.

    Args:
        cost, quality: (n,).
    Raises:
        ValueError: not (n,) both, NaN or infinite.
    """
    costs, qualities = _points(cost, quality)
    front = np.zeros(len(costs), dtype=np.bool_)
    front[_front(costs, qualities)] = True
    return front


def hull(cost: npt.ArrayLike, quality: npt.ArrayLike) -> Hull:
    """What randomising between the points reaches at best, for every cost.

    Args:
        cost, quality: (n,) of policies or models, in any order.
    Raises:
        ValueError: not (n,) both, NaN or infinite.
    Source: RouterBench, arXiv 2403.12031, section 3.
    """
    costs, qualities = _points(cost, quality)
    kept: list[int] = []
    for point in _front(costs, qualities).tolist():
        while len(kept) > 1 and not _turns_down(costs, qualities, kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return Hull(costs[kept], qualities[kept])


def value_at(cost: npt.ArrayLike, on: Hull, *, below: float | None = None) -> Floats:
    """Quality of a hull at these costs; at a vertex it is the vertex's own, bit for bit.

    Args:
        cost: (n,), or any other shape, in the unit of the hull.
        on: the hull.
        below: quality under the cheapest vertex; None for that vertex's own.
    Returns:
        The shape of `cost`; the hull is flat beyond its dearest vertex.
    Raises:
        ValueError: a cost that is NaN.
    """
    at = np.asarray(cost, dtype=np.float64)
    if np.isnan(at).any():
        raise ValueError("cost is nan; a hull has a value at numbers only")
    return np.asarray(np.interp(at, on.cost, on.quality, left=below))


def zero_router_at(costs: npt.ArrayLike, qualities: npt.ArrayLike, at: npt.ArrayLike) -> Floats:
    """Quality of the best mixture of single models, for many resamples at once.

    Equal to `value_at(at, hull(costs, qualities))` row by row: on a concave hull the value
    at a cost is the best that two models on either side of it, or one below it, reach.

    Args:
        costs, qualities: (B, m) of the models in each resample.
        at: (B,) cost of the policy compared.
    Returns:
        (B,) quality; under the cheapest model, that model's own.
    Raises:
        ValueError: not (B, m) and (B,), NaN or infinite.
    Source: RouterBench, arXiv 2403.12031, section 3.
    """
    cost, quality = matrix("costs", costs), matrix("qualities", qualities)
    point = vector("at", at)
    same_shape(costs=cost, qualities=quality)
    align(costs=cost, at=point)
    value = _best_where(cost <= point[:, None], quality)
    for left in range(cost.shape[1]):
        value = np.maximum(value, _best_chord(cost, quality, left, point))
    cheapest = _best_where(cost == cost.min(axis=1, keepdims=True), quality)
    value = np.where(np.isneginf(value), cheapest, value)
    own = _best_where(cost == point[:, None], quality)
    # A chord past a model may round to just above it; a model is never short of itself.
    noise = 8.0 * np.finfo(np.float64).eps * np.abs(quality).max(axis=1)
    return np.asarray(np.where(own >= value - noise, own, value))


def hypervolume(
    cost: npt.ArrayLike, quality: npt.ArrayLike, ref_cost: float, ref_quality: float
) -> float:
    """Area that the points dominate up to a reference point, in cost times quality.

    Args:
        cost, quality: (n,); points that do not dominate the reference add nothing.
        ref_cost, ref_quality: a cost too high and a quality too low to be of use.
    Raises:
        ValueError: not (n,) both, NaN or infinite.
    Source: Zitzler & Thiele 1998.
    """
    vector("reference", [ref_cost, ref_quality])
    costs, qualities = _points(cost, quality)
    front = _front(costs, qualities)
    front = front[(costs[front] < ref_cost) & (qualities[front] > ref_quality)]
    widths = np.diff(costs[front], append=ref_cost)
    return float(np.sum(widths * (qualities[front] - ref_quality)))


def _points(cost: npt.ArrayLike, quality: npt.ArrayLike) -> tuple[Floats, Floats]:
    costs, qualities = vector("cost", cost), vector("quality", quality)
    align(cost=costs, quality=qualities)
    return costs, qualities


def _front(cost: Floats, quality: Floats) -> npt.NDArray[np.intp]:
    """Indices of the non-dominated points, cheapest first."""
    order = np.lexsort((-quality, cost))
    rising = quality[order]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(rising)[:-1]])
    return np.asarray(order[rising > before])


def _turns_down(cost: Floats, quality: Floats, left: int, middle: int, right: int) -> bool:
    """Whether the middle point lies above the chord of the other two."""
    rise = (quality[middle] - quality[left]) * (cost[right] - cost[left])
    return bool(rise > (quality[right] - quality[left]) * (cost[middle] - cost[left]))


def _best_where(mask: Bools, quality: Floats) -> Floats:
    """(B,) best quality under the mask, minus infinity where it is empty."""
    return np.asarray(np.where(mask, quality, -np.inf).max(axis=1))


def _best_chord(cost: Floats, quality: Floats, left: int, at: Floats) -> Floats:
    """(B,) the highest chord from one cheaper model over the point to any dearer one."""
    start, base = cost[:, left, None], quality[:, left, None]
    over = (start < at[:, None]) & (cost > at[:, None])
    share = np.divide(at[:, None] - start, cost - start, out=np.zeros_like(cost), where=over)
    return _best_where(over, base + (quality - base) * share)
