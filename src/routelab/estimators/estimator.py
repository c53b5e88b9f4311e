"""What every estimator does: value a policy, say how sure that is, and refuse where it must."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.errors import LogError
from routelab.estimators.cross_fitting import Expectations
from routelab.estimators.diagnostics import diagnostics
from routelab.estimators.estimate import Diagnostics, Ends, PolicyEstimate
from routelab.estimators.judge_correction import Doubt, label_doubt
from routelab.estimators.logged_decisions import LoggedDecisions, Outcome
from routelab.estimators.path_weights import PathWeights, by_request, path_weights
from routelab.estimators.score_intervals import certified_interval, score_mean
from routelab.estimators.target_decisions import TargetDecisions

LEAST_SUPPORT = 0.99
"""Share of a policy's decisions with support below which no value is given: what the rest comes
to is nowhere in the log, and could move a quality by .01 already."""
FEWEST_REQUESTS = 10.0
"""Effective requests below which no value is given."""
FEW_REQUESTS = 100.0
"""Effective requests below which an asymptotic interval is said to be rough."""
WRONG_PROPENSITIES = 1e-4
"""P-value of the weights of models below which propensities are taken to be wrong."""
NEGLIGIBLE = 1e-3
"""Share of the weight that may be off all the same: it moves a quality by no more."""


class Scores(NamedTuple):
    """An estimate as a mean over requests.

    Attributes:
        each: (n,) of the requests; their mean is the estimate, and their spread its variance.
        expected: by the outcome model; None without one.
        sure: (n,) scores whose mean is unbiased, where that of `each` is not: its interval,
            stretched to hold the estimate, is the one that is given. None: `each` itself.
        notes: of how it was made.
    """

    each: Floats
    expected: Expectations | None = None
    sure: Floats | None = None
    notes: tuple[str, ...] = ()


class Certified(NamedTuple):
    """What a certified interval is asked to be.

    Attributes:
        largest_weight: that a request may have, known before the log was looked at: one over the
            smallest propensity that exploration allows, for a path the product of its calls'.
        delta: chance that it misses, in (0, 1).
    """

    largest_weight: float
    delta: float = 0.05


class Estimator(ABC):
    """A way to value a policy from decisions that another one took.

    Attributes:
        name: by which it is asked for.
        has_interval: whether its error can be known from the log.
    """

    name: ClassVar[str]
    has_interval: ClassVar[bool] = True

    @abstractmethod
    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        """The estimate as a mean over requests.

        Args:
            log: of decisions.
            target: decisions of the policy on the same requests.
            outcome: name of an outcome of the log.
            weights: of the policy along the log.
        Raises:
            LogError: the estimator cannot value such a policy from such a log.
        """

    def value(
        self,
        log: LoggedDecisions,
        target: TargetDecisions,
        outcome: str = "quality",
        *,
        certified: Certified | None = None,
    ) -> PolicyEstimate:
        """What an outcome of a policy's decisions comes to on average, over the log's requests.

        >>> import numpy as np
        >>> from routelab.estimators import SNIPS, LoggedDecisions, TargetDecisions
        >>> rng = np.random.default_rng(0)
        >>> model = (rng.random(2000) < 0.2).astype(int)  # 1 is asked of one request in five
        >>> right = (rng.random(2000) < np.where(model == 1, 0.9, 0.7)).astype(float)
        >>> chance = np.where(model == 1, 0.2, 0.8)
        >>> log = LoggedDecisions.of_choices(("small", "large"), model, chance, right)
        >>> always_large = TargetDecisions(np.ones(2000, dtype=int))
        >>> found = SNIPS().value(log, always_large)
        >>> f"{found.value:.3f}, {found.ci[0]:.3f} to {found.ci[1]:.3f}"
        '0.902, 0.870 to 0.931'

        Args:
            log: of decisions, with their propensities.
            target: decisions of the policy on the same requests.
            outcome: name of an outcome of the log.
            certified: ask for an interval that holds at any number of requests, too.
        Returns:
            The value with a 95 % interval; without one, and with the reason, where the log cannot
            tell.
        Raises:
            LogError: the log lacks the outcome or a part of it, or the estimator is not for it.
            PolicyError: the decisions do not fit the log.
        """
        target.check(log)
        said = log.outcome(outcome)
        weights = path_weights(log, target)
        ends = target.of(said, outcome)
        _check_judged(log, ends, weights, outcome)
        found = self.scores(log, target, outcome, weights)
        rests_on = diagnostics(log, target, weights, found.expected, ends)
        doubt = label_doubt(weights.ends, said.labels, said.high - said.low, len(log))
        refusal = " ".join(_refusals(rests_on)) or doubt.refusal
        given = self._given(log, said, found, doubt) if not refusal else _Given()
        return PolicyEstimate(
            estimator=self.name,
            outcome=outcome,
            value=given.value,
            ci=given.ci,
            certified=None if certified is None else _sure(log, said, ends, weights, certified),
            logged=_known_mean(said.logged),
            difference=given.difference,
            difference_ci=given.difference_ci,
            requests=len(log),
            groups=_groups(log),
            refusal=refusal,
            notes=(*found.notes, *_notes(log, target, said, rests_on), *_label_notes(doubt)),
            diagnostics=rests_on,
        )

    def _given(self, log: LoggedDecisions, said: Outcome, found: Scores, doubt: Doubt) -> _Given:
        """The value, how it differs from what was done, and the intervals of both."""
        value, ends = self._mean(log, found, 0.0, doubt)
        if _known_mean(said.logged) is None:
            return _Given(value, ends)
        return _Given(value, ends, *self._mean(log, found, said.logged, doubt))

    def _mean(
        self, log: LoggedDecisions, found: Scores, less: Floats | float, doubt: Doubt
    ) -> tuple[float, Ends | None]:
        """The mean of scores less something, with its interval."""
        mean = score_mean(found.each - less, log.group_codes)
        if not self.has_interval or math.isnan(mean.error):
            return mean.value, None
        sure = mean if found.sure is None else score_mean(found.sure - less, log.group_codes)
        low, high = sure.doubted(doubt).ends
        return mean.value, (min(low, mean.value), max(high, mean.value))


class _Given(NamedTuple):
    """What is said where nothing is refused."""

    value: float | None = None
    ci: Ends | None = None
    difference: float | None = None
    difference_ci: Ends | None = None


def _sure(
    log: LoggedDecisions, said: Outcome, ends: Floats, weights: PathWeights, asked: Certified
) -> Ends:
    weighted = np.where(weights.ends > 0, weights.ends * ends, 0.0)
    return certified_interval(log, said, weights.total, by_request(log, weighted), *asked)


def one_call_only(log: LoggedDecisions, target: TargetDecisions, name: str, other: str) -> None:
    """Refuse paths to an estimator of single choices.

    Raises:
        LogError: the log or the policy makes several calls on a request.
    """
    if not (log.one_call and target.one_call):
        raise LogError(
            f"{log.name}: {name} is for policies and logs of one call a request, and here are"
            f" several; use {other}"
        )


def _check_judged(log: LoggedDecisions, ends: Floats, weights: PathWeights, outcome: str) -> None:
    lacking = np.isnan(ends) & (weights.ends > 0)
    count = int(np.count_nonzero(lacking))
    if count:
        row = int(log.request[np.flatnonzero(lacking)[0]])
        raise LogError(
            f"{log.name}: {outcome} is not known of {count:,} answers that the policy would"
            f" deliver, such as on request row {row}; judge them, or take requests of which every"
            " answer was judged if it was left to chance which ones were"
        )


def _groups(log: LoggedDecisions) -> int:
    codes = log.group_codes
    return len(log) if codes is None else int(codes.max()) + 1


def _known_mean(logged: Floats) -> float | None:
    mean = float(logged.mean())
    return None if math.isnan(mean) else mean


def _refusals(found: Diagnostics) -> Iterator[str]:
    """Why a value would mislead, a sentence each."""
    if found.supported < LEAST_SUPPORT:
        yield (
            f"{1 - found.supported:.1%} of the policy's decisions have no support: the log could"
            " not have taken them, so what they come to is nowhere in it."
        )
        return
    if found.effective_requests < FEWEST_REQUESTS:
        yield (
            f"The log tells of {found.effective_requests:.1f} effective requests of this policy"
            f" ({found.matched:,} of its decisions were taken); {FEWEST_REQUESTS:.0f} are the"
            " least."
        )
        return
    wrong = [
        it
        for it in found.models
        if it.p_value < WRONG_PROPENSITIES and abs(it.weighted - it.share) > NEGLIGIBLE
    ]
    if wrong:
        shown = ", ".join(
            f"{it.model} has {it.weighted:.3f} of the weight where {it.share:.3f} is due"
            for it in wrong
        )
        yield (
            f"Weights do not fit the propensities ({shown}): either these are not the"
            " probabilities of the calls, or the log never takes a part of the policy's decisions;"
            " name the logging policy, so that both are computed from it."
        )


def _label_notes(doubt: Doubt) -> Iterator[str]:
    if FEWEST_REQUESTS <= doubt.labels < FEW_REQUESTS:
        yield (
            f"{doubt.labels:.0f} effective labels of answers that the policy would deliver: the"
            " interval is rough"
        )


def _notes(
    log: LoggedDecisions, target: TargetDecisions, outcome: Outcome, found: Diagnostics
) -> Iterator[str]:
    """What to know before believing an estimate."""
    if LEAST_SUPPORT <= found.supported < 1.0 - 1e-12:
        reach = (1 - found.supported) * (outcome.high - outcome.low)
        moved = f", which may move it by {reach:.4f}" if math.isfinite(reach) else ""
        yield f"{1 - found.supported:.2%} of the policy's decisions have no support{moved}"
    if FEWEST_REQUESTS <= found.effective_requests < FEW_REQUESTS:
        yield f"{found.effective_requests:.0f} effective requests: the interval is rough"
    if log.source == "estimated":
        yield "propensities are estimated: right only if nothing else swayed the logging policy"
    if log.policy is None and target.after is not None and log.ended is None:
        yield (
            "the log does not say how likely it was to end where it did: whether it could have gone"
            " on where the policy does is judged by the mean weight alone"
        )
