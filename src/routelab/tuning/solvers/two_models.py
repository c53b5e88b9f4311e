"""Two models: every distinct threshold, by one sort and cumulative sums."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log
from routelab.metrics import pareto
from routelab.replay.cells import delivered_last
from routelab.tuning.solvers.thresholds import ThresholdCandidates


class ThresholdFront(NamedTuple):
    """The non-dominated thresholds of a cascade of two models.

    Attributes:
        thresholds: (k,) by rising cost.
        cost_usd, quality: (k,) sums over all requests.
    """

    thresholds: Floats
    cost_usd: Floats
    quality: Floats


def front(
    log: Log, signal: str, models: tuple[str, str], candidates: ThresholdCandidates
) -> ThresholdFront:
    """The exact front over every threshold that tells two confidences apart.

    Args:
        log: rows to tune on.
        signal: confidence signal of the first model.
        models: the first one asked, and the one that escalated requests go to.
        candidates: of the first model's confidences on these very requests.
    """
    first, second = (log.column(name) for name in models)
    last = delivered_last(log, signal, models)
    spent = log.cost_with(signal, (slice(None), first))
    # Each threshold accepts some of the most confident answers and escalates all others.
    saved = np.cumsum(log.cost_usd[candidates.order, second])[candidates.cuts - 1]
    gained = np.cumsum((log.quality[:, first] - last)[candidates.order])[candidates.cuts - 1]
    cost = spent.sum() + (log.cost_usd[:, second].sum() - saved)
    quality = last.sum() + gained
    best = np.flatnonzero(pareto(cost, quality))
    best = best[np.argsort(cost[best], kind="stable")]
    return ThresholdFront(candidates.thresholds[best], cost[best], quality[best])
