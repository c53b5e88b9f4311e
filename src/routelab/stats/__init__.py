"""How sure a figure is: resampling, intervals, requests needed to settle a question."""

from routelab.stats import bentkus, betting, clt, wealth
from routelab.stats.arrays import align, matrix, ranking, same_shape, vector, within
from routelab.stats.bootstrap import Interval, Resamples, interval
from routelab.stats.bounded_sums import BoundedSums, grouped, place
from routelab.stats.families import fixed_sequence, holm, joint_factor
from routelab.stats.independence import chi_square_tail, independence
from routelab.stats.interval_method import (
    IntervalMethod,
    MethodInterval,
    bounded_interval,
    cost_interval,
    effective_groups,
)
from routelab.stats.power import requests_above, requests_to_settle
from routelab.stats.proportion import mean_interval, proportion_interval, quantile_interval
from routelab.stats.reach import RowsNeeded, rows_needed
from routelab.stats.spending import look_level, widened
from routelab.stats.student import student_quantile, student_tail
from routelab.stats.thinning import evenly, thinned
from routelab.stats.time_blocks import block_length, time_blocks
from routelab.stats.wealth import Wealth

__all__ = [
    "BoundedSums",
    "Interval",
    "IntervalMethod",
    "MethodInterval",
    "Resamples",
    "RowsNeeded",
    "Wealth",
    "align",
    "bentkus",
    "betting",
    "block_length",
    "bounded_interval",
    "chi_square_tail",
    "clt",
    "cost_interval",
    "effective_groups",
    "evenly",
    "fixed_sequence",
    "grouped",
    "holm",
    "independence",
    "interval",
    "joint_factor",
    "look_level",
    "matrix",
    "mean_interval",
    "place",
    "proportion_interval",
    "quantile_interval",
    "ranking",
    "requests_above",
    "requests_to_settle",
    "rows_needed",
    "same_shape",
    "student_quantile",
    "student_tail",
    "thinned",
    "time_blocks",
    "vector",
    "wealth",
    "widened",
    "within",
]
