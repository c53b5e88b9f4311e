"""Intervals of means, shares and quantiles, and which of them the data allows."""

from routelab.stats.intervals.joint import joint_intervals, joint_widening
from routelab.stats.intervals.method import (
    IntervalMethod,
    MethodInterval,
    bounded_interval,
    cost_interval,
    effective_groups,
)
from routelab.stats.intervals.proportion import (
    mean_interval,
    proportion_interval,
    quantile_interval,
)

__all__ = [
    "IntervalMethod",
    "MethodInterval",
    "bounded_interval",
    "cost_interval",
    "effective_groups",
    "joint_intervals",
    "joint_widening",
    "mean_interval",
    "proportion_interval",
    "quantile_interval",
]
