"""How sure a figure is: resampling, intervals, requests needed to settle a question."""

from routelab.stats import bentkus, betting, clt, wealth
from routelab.stats.arrays import align, matrix, ranking, same_shape, vector, within
from routelab.stats.bootstrap import Interval, Resamples, interval
from routelab.stats.bounded_sums import BoundedSums, grouped, place
from routelab.stats.families import fixed_sequence, holm
from routelab.stats.independence import chi_square_tail, independence
from routelab.stats.intervals import (
    FEWEST_GROUPS,
    RARE,
    IntervalMethod,
    MethodInterval,
    Unseen,
    effective_groups,
    figure_interval,
    joint_intervals,
    joint_widening,
    mean_interval,
    proportion_interval,
    quantile_interval,
)
from routelab.stats.label_correction import (
    FEWEST_LABELS,
    CorrectedMean,
    LabelsAlone,
    corrected_difference,
    corrected_mean,
)
from routelab.stats.power import (
    range_text,
    requests_above,
    requests_range,
    requests_to_settle,
    settling_range,
)
from routelab.stats.reach import RowsNeeded, rows_needed
from routelab.stats.spending import at_level, look_level, moved_out, widened
from routelab.stats.student import student_quantile, student_tail
from routelab.stats.thinning import evenly, thinned
from routelab.stats.time_blocks import block_length, time_blocks
from routelab.stats.wealth import Wealth

__all__ = [
    "FEWEST_GROUPS",
    "FEWEST_LABELS",
    "RARE",
    "BoundedSums",
    "CorrectedMean",
    "Interval",
    "IntervalMethod",
    "LabelsAlone",
    "MethodInterval",
    "Resamples",
    "RowsNeeded",
    "Unseen",
    "Wealth",
    "align",
    "at_level",
    "bentkus",
    "betting",
    "block_length",
    "chi_square_tail",
    "clt",
    "corrected_difference",
    "corrected_mean",
    "effective_groups",
    "evenly",
    "figure_interval",
    "fixed_sequence",
    "grouped",
    "holm",
    "independence",
    "interval",
    "joint_intervals",
    "joint_widening",
    "look_level",
    "matrix",
    "mean_interval",
    "moved_out",
    "place",
    "proportion_interval",
    "quantile_interval",
    "range_text",
    "ranking",
    "requests_above",
    "requests_range",
    "requests_to_settle",
    "rows_needed",
    "same_shape",
    "settling_range",
    "student_quantile",
    "student_tail",
    "thinned",
    "time_blocks",
    "vector",
    "wealth",
    "widened",
    "within",
]
