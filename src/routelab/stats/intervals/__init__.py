"""Intervals of means, shares and quantiles, and which of them the data allows."""

from routelab.stats.intervals.joint import joint_intervals, joint_widening
from routelab.stats.intervals.method import (
    FEWEST_GROUPS,
    RARE,
    IntervalMethod,
    MethodInterval,
    Unseen,
    effective_groups,
    figure_interval,
)
from routelab.stats.intervals.proportion import (
    mean_interval,
    proportion_interval,
    quantile_interval,
)

__all__ = [
    "FEWEST_GROUPS",
    "RARE",
    "IntervalMethod",
    "MethodInterval",
    "Unseen",
    "effective_groups",
    "figure_interval",
    "joint_intervals",
    "joint_widening",
    "mean_interval",
    "proportion_interval",
    "quantile_interval",
]
