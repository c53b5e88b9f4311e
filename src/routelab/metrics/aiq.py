"""Average improvement in quality: one number for a set of policies over a range of costs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from routelab.metrics.hull import hull, value_at


def aiq(cost: npt.ArrayLike, quality: npt.ArrayLike, low: float, high: float) -> float:
    """Mean quality over [low, high] on the non-decreasing concave hull.

    The hull is flat after its dearest point and zero below its cheapest one.

    Args:
        cost: (n_policies,) in any unit, for instance USD per 1,000 requests.
        quality: (n_policies,) in [0, 1].
        low, high: cost range shared by everything compared: mean cost of the cheapest
            and of the dearest single model.
    Raises:
        ValueError: low >= high, or points that are not (n,) both, NaN or infinite.
    Source: RouterBench, arXiv 2403.12031, section 3.
    """
    if not (low < high and np.isfinite(high - low)):
        raise ValueError(f"cost range is [{low}, {high}]; low must be below high, both finite")
    vertices = hull(cost, quality)
    start = max(float(low), float(vertices.cost[0]))
    if start >= high:
        return 0.0
    inside = vertices.cost[(vertices.cost > start) & (vertices.cost < high)]
    knots = np.concatenate([[start], inside, [high]])
    return float(np.trapezoid(value_at(knots, vertices), knots) / (high - low))


def aiq_among(
    model_cost: npt.ArrayLike,
    model_quality: npt.ArrayLike,
    cost: npt.ArrayLike = (),
    quality: npt.ArrayLike = (),
) -> float:
    """AIQ of policies and candidate models together, over the candidates' range of costs.

    The range is that of the single models, so adding a policy never changes another one's value.

    Args:
        model_cost, model_quality: (m,) of the candidates, cost in any one unit.
        cost, quality: (n_policies,) of what is compared with them.
    Returns:
        A mean quality; NaN where all candidates cost the same, so that there is no range.
    Raises:
        ValueError: as `hull`.
    Source: RouterBench, arXiv 2403.12031, section 3.
    """
    costs = np.asarray(model_cost, dtype=np.float64)
    low, high = float(costs.min()), float(costs.max())
    if not low < high:
        return math.nan
    return aiq(np.append(costs, cost), np.append(model_quality, quality), low, high)
