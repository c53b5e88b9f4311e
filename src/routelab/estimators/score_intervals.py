"""Intervals of means of scores, one for each request, robust to sessions and heavy tails."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import LogError
from routelab.estimators.judge_correction import Doubt
from routelab.estimators.logged_decisions import LoggedDecisions, Outcome
from routelab.stats import betting, grouped, student_quantile, student_tail

NORMAL = 1.959963984540054
"""The .975 quantile of a normal."""
_MANY = 1000
"""Degrees of freedom from which Student's t is a normal."""
_EVEN = 1e-6
"""Skewness below which a mean is taken to vary evenly both ways."""


class ScoreMean(NamedTuple):
    """A mean of scores and how sure it is.

    Attributes:
        value: in units of the scores.
        error: its standard error, robust to groups; NaN of a single group.
        freedom: degrees of freedom of that error: few where few requests make it up.
        groups: independent ones.
        skew: skewness of the mean; 0 where it varies evenly both ways.
    """

    value: float
    error: float
    freedom: float
    groups: int
    skew: float = 0.0

    @property
    def ends(self) -> tuple[float, float]:
        """95 % interval: Student's, and where that of skewed means reaches farther, so far.

        A mean of costs or of large weights has a long tail on one side. Its error is then small in
        just those logs in which the tail is missing, so that too few of Student's intervals reach
        far enough on that side.

        Source: Hall 1992, "On the removal of skewness by transformation".
        """
        half = self.error * student_quantile(max(1.0, self.freedom))
        low, high = -half, half
        if abs(self.skew) > _EVEN:
            low = min(low, -self.error * self._unskewed(NORMAL))
            high = max(high, -self.error * self._unskewed(-NORMAL))
        return self.value + low, self.value + high

    def doubted(self, doubt: Doubt) -> ScoreMean:
        """The same, less sure by what few labels leave open.

        That takes the place of what the scores themselves say of tails: with few labels they are
        those few, and both together would be twice as careful as need be.
        """
        if math.isinf(doubt.freedom):
            return self
        freedom = min(self.groups - 1.0, doubt.freedom)
        return self._replace(error=math.hypot(self.error, doubt.error), freedom=freedom, skew=0.0)

    def _unskewed(self, quantile: float) -> float:
        """What Hall's transformation of a skewed ratio takes to a normal's quantile."""
        return 3 / self.skew * (math.cbrt(1 + self.skew * (quantile - self.skew / 6)) - 1)

    @property
    def p_value(self) -> float:
        """Two-sided, of a mean of zero; 1 where nothing varies and the mean is zero."""
        if not self.value or math.isnan(self.error):
            return 1.0
        if not self.error:
            return 0.0
        t, freedom = self.value / self.error, math.floor(max(1.0, self.freedom))
        return student_tail(t, freedom) if freedom < _MANY else math.erfc(abs(t) / math.sqrt(2.0))


def score_mean(scores: Floats, codes: Ints | None) -> ScoreMean:
    """The mean of scores (n,) over requests, by linearisation.

    The degrees of freedom are those of the variance's own estimate, 2 n / (kurtosis - 1): where a
    few explored requests carry most of the weight it is as uncertain as that of a few requests.

    Args:
        scores: finite.
        codes: (n,) number of each request's group; None where all are independent.
    Source: Liang & Zeger 1986 (groups); Satterthwaite 1946 (degrees of freedom).
    """
    n = len(scores)
    value = float(scores.mean())
    rest: Floats = scores - value
    if codes is not None:
        rest = np.asarray(np.bincount(codes, rest), dtype=np.float64)
    groups = len(rest)
    squares = np.square(rest)
    total, third = float(squares.sum()), float(np.dot(squares, rest))
    if groups < 2:
        return ScoreMean(value, math.nan, 1.0, groups)
    error = math.sqrt(total * groups / (groups - 1)) / n
    fourth = float(np.dot(squares, squares))
    kurtosis = groups * fourth / total**2 if total else 1.0
    freedom = min(groups - 1.0, 2.0 * groups / max(kurtosis - 1.0, 2.0 * groups / (groups - 1.0)))
    skew = third / total**1.5 if total else 0.0
    return ScoreMean(value, error, freedom, groups, skew)


def certified_interval(
    log: LoggedDecisions,
    outcome: Outcome,
    weights: Floats,
    weighted: Floats,
    largest_weight: float,
    delta: float,
) -> tuple[float, float]:
    """An interval that holds at any number of requests, whatever the outcomes are like.

    Weights times outcomes are at most the largest weight times the largest outcome, and 0 at
    least: what a bet on their mean needs. The upper end comes from how far outcomes fall short
    of the best. So neither end is harmed where the log gives a part of the policy's decisions no
    support: they then count as the worst, and as the best.

    Args:
        log: for its groups.
        outcome: of a range that is known.
        weights: (n,) of the requests.
        weighted: (n,) weights times outcomes.
        largest_weight: that any request may have, known before the log was looked at.
        delta: chance that the interval misses, in (0, 1).
    Raises:
        LogError: a range that is not known, or a weight above the largest one.
    Source: Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by betting";
        Thomas, Theocharous & Ghavamzadeh 2015, "High-confidence off-policy evaluation".
    """
    low, high = outcome.low, outcome.high
    if outcome.labels is not None:
        raise LogError(
            f"{log.name}: quality is a judge's, corrected by labels, and of such no interval is"
            " certain; ask for none, or value the labelled answers alone"
        )
    if not (math.isfinite(low) and math.isfinite(high)):
        raise LogError(
            f"{log.name}: nothing bounds this outcome, so that no interval is certain; give the"
            " most that a request can come to as its `high`"
        )
    if float(weights.max()) > largest_weight * (1 + 1e-9):
        raise LogError(
            f"{log.name}: a request has weight {float(weights.max()):.6g}, above the largest one"
            f" that was said to be possible, {largest_weight:.6g}; give what exploration allows,"
            " one over the smallest propensity"
        )
    span, codes = high - low, log.group_codes
    gained = np.clip((weighted - low * weights) / span, 0.0, largest_weight)
    missed = np.clip(weights - gained, 0.0, largest_weight)
    ends = [
        betting.lower(grouped(values, codes, 0.0, largest_weight), delta / 2)
        for values in (gained, missed)
    ]
    return low + span * max(0.0, ends[0]), low + span * (1.0 - max(0.0, ends[1]))
