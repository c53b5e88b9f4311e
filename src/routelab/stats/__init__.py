"""How sure a figure is: resampling, intervals, requests needed to settle a question."""

from routelab.stats import bentkus, betting, clt
from routelab.stats.arrays import align, matrix, ranking, same_shape, vector, within
from routelab.stats.bootstrap import Interval, Resamples, interval
from routelab.stats.bounded_sums import BoundedSums, grouped, place
from routelab.stats.families import fixed_sequence, holm
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
from routelab.stats.reach import rows_to_certify
from routelab.stats.student import student_quantile, student_tail
from routelab.stats.thinning import evenly, thinned
from routelab.stats.time_blocks import block_length, time_blocks

__all__ = [
    "BoundedSums",
    "Interval",
    "IntervalMethod",
    "MethodInterval",
    "Resamples",
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
    "matrix",
    "mean_interval",
    "place",
    "proportion_interval",
    "quantile_interval",
    "ranking",
    "requests_above",
    "requests_to_settle",
    "rows_to_certify",
    "same_shape",
    "student_quantile",
    "student_tail",
    "thinned",
    "time_blocks",
    "vector",
    "within",
]
