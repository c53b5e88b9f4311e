"""Importance weights of a policy along the calls that were logged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.estimators.logged_decisions import LoggedDecisions
from routelab.estimators.target_decisions import TargetDecisions


class PathWeights(NamedTuple):
    """How much more often a policy takes a path than the log did.

    Attributes:
        calls: (s,) probability of the calls up to this one under the policy, over that under the
            logging policy: what happened so far stands for this many requests of the policy.
        ends: (s,) the same times the policy's probability of ending here.
        total: (n,) sum of `ends` over a request's calls; 1 in expectation where the log gave the
            policy support everywhere.
    """

    calls: Floats
    ends: Floats
    total: Floats


def path_weights(log: LoggedDecisions, target: TargetDecisions) -> PathWeights:
    """Weights that need the probabilities of calls alone, and none of ends.

    Whether the log went on after a policy's end is of no matter: what the policy's decision came
    to was observed all the same. So a decision is not weighed by the chance that the log ended
    where it would, as weights of whole trajectories do. That is the whole gain of weighing by
    prefixes.

    Args:
        log: that has the propensities.
        target: decisions of the policy.
    Source: per-decision importance sampling, Precup, Sutton & Singh 2000; monotone missing data,
        Robins, Rotnitzky & Zhao 1995.
    """
    ratio = target.chance(log) / log.propensity
    if log.one_call and target.one_call:
        return PathWeights(ratio, ratio, ratio)
    calls = log.running(ratio, product=True)
    ends = calls * target.ending(log)
    return PathWeights(calls, ends, by_request(log, ends))


def by_request(log: LoggedDecisions, values: Floats) -> Floats:
    """(n,) sums of values of calls (s,) over each request."""
    if log.one_call:
        return values
    return np.asarray(np.bincount(log.request, values, minlength=len(log)), dtype=np.float64)
