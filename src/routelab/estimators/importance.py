"""Importance sampling: logged outcomes, weighed by how much likelier the policy makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from routelab.core import Floats
from routelab.errors import LogError
from routelab.estimators.estimator import Estimator, Scores
from routelab.estimators.logged_decisions import LoggedDecisions
from routelab.estimators.path_weights import PathWeights, by_request
from routelab.estimators.target_decisions import TargetDecisions


@dataclass(frozen=True)
class PrefixIPS(Estimator):
    """Inverse propensities of the calls that the policy makes too, and of nothing after them.

    For a policy of one call it is IPS. Unbiased where the log gives support; its variance grows
    with the weights.

    Source: Precup, Sutton & Singh 2000 (per-decision importance sampling).
    """

    name: ClassVar[str] = "prefix-ips"

    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        return Scores(_weighted(log, target, outcome, weights.ends))


@dataclass(frozen=True)
class PrefixSNIPS(Estimator):
    """`PrefixIPS` over the mean weight: never outside the outcomes' range, a little biased.

    Source: Swaminathan & Joachims 2015, "The self-normalized estimator"; Hajek 1971.
    """

    name: ClassVar[str] = "prefix-snips"

    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        return Scores(_normalised(_weighted(log, target, outcome, weights.ends), weights.total))


@dataclass(frozen=True)
class IPS(Estimator):
    """Inverse propensity scores of whole decisions: their calls and where they end.

    Of several calls only decisions that ended as the policy would have ended count, by the inverse
    probability of all of it: the log must say how likely its ends were. `PrefixIPS` needs no ends
    and varies less.

    Source: Horvitz & Thompson 1952.
    """

    name: ClassVar[str] = "ips"

    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        return Scores(_weighted(log, target, outcome, trajectory_weights(log, target, weights)))


@dataclass(frozen=True)
class SNIPS(Estimator):
    """`IPS` over the mean weight.

    Source: Swaminathan & Joachims 2015, "The self-normalized estimator"; Hajek 1971.
    """

    name: ClassVar[str] = "snips"

    def scores(
        self, log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: PathWeights
    ) -> Scores:
        whole = trajectory_weights(log, target, weights)
        return Scores(_normalised(_weighted(log, target, outcome, whole), by_request(log, whole)))


def trajectory_weights(
    log: LoggedDecisions, target: TargetDecisions, weights: PathWeights
) -> Floats:
    """(s,) weights of whole decisions, at their last calls; 0 at the others.

    Args:
        log: whose `ended` gives the probabilities of its ends.
        target: decisions of the policy.
        weights: of the policy along the log.
    Raises:
        LogError: the log does not say how likely its ends were.
    """
    if log.one_call and target.one_call:
        return weights.ends
    ended = log.policy.end[log.ends] if log.policy is not None else log.ended
    if ended is None or bool(np.isnan(ended).any()):
        raise LogError(
            f"{log.name}: whole decisions are weighed by the probability of where they ended too,"
            " and the log does not say it; give `ended`, or use prefix-ips, which needs none"
        )
    whole = np.zeros(len(log.request))
    whole[log.ends] = weights.ends[log.ends] / ended
    return whole


def _weighted(
    log: LoggedDecisions, target: TargetDecisions, outcome: str, weights: Floats
) -> Floats:
    """(n,) weights times outcomes; nothing where the weight is zero, observed or not."""
    ends = target.of(log.outcome(outcome), outcome)
    return by_request(log, np.where(weights > 0, weights * ends, 0.0))


def _normalised(weighted: Floats, total: Floats) -> Floats:
    """(n,) scores of a ratio: their mean is it, and their spread its variance.

    Source: the delta method.
    """
    whole = float(total.sum())
    if not whole:
        return np.zeros(len(total))
    ratio = float(weighted.sum()) / whole
    return ratio + (weighted - ratio * total) * (len(total) / whole)
