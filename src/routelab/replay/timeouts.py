"""Logged answers that a time limit would not have waited for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.core.catalogue import ROUTER_TIMEOUT_S, Catalogue, Model
from routelab.logs.model import Log


class TimedOutAnswers(NamedTuple):
    """Answers of one model that take longer than an attempt may.

    Attributes:
        limit_s: the shortest of the model's deployments.
        answers: that are logged; slower: of them, those that take longer.
        longest_s: of those.
        cost_share: of what all of them cost, in [0, 1]; NaN if costs are not known or nothing.
    """

    model: str
    limit_s: float
    answers: int
    slower: int
    longest_s: float
    cost_share: float

    def __str__(self) -> str:
        share = "" if np.isnan(self.cost_share) else f" ({self.cost_share:.0%} of its cost)"
        return (
            f"{self.slower:,} of {self.answers:,} logged answers of {self.model!r}{share} take"
            f" longer than {self.limit_s:g} s"
        )


def timed_out_answers(
    log: Log,
    catalogue: Catalogue,
    *,
    timeout_s: float = ROUTER_TIMEOUT_S,
    latency_s: Floats | None = None,
) -> tuple[TimedOutAnswers, ...]:
    """The models of a catalogue that the log has slower answers of than their attempts may take.

    Args:
        timeout_s: of deployments that name no time limits; a model without a deployment has none.
        latency_s: (n, m) in place of the log's.
    """
    took_s = log.latency_s if latency_s is None else latency_s
    return tuple(_found(log, catalogue, timeout_s, took_s))


def _found(
    log: Log, catalogue: Catalogue, timeout_s: float, took_s: Floats
) -> Iterator[TimedOutAnswers]:
    for name, model in catalogue.models.items():
        limit_s = _limit_s(model, timeout_s)
        if name not in log.models or limit_s is None:
            continue
        column = log.models.index(name)
        took = took_s[:, column]
        answered = ~np.isnan(log.quality[:, column]) & ~log.error[:, column] & ~np.isnan(took)
        slow = answered & (took > limit_s)
        if slow.any():
            cost = log.cost_usd[:, column]
            all_usd = float(cost[answered].sum())
            share = float(cost[slow].sum()) / all_usd if all_usd else math.nan
            yield TimedOutAnswers(
                name, limit_s, int(answered.sum()), int(slow.sum()), float(took[slow].max()), share
            )


def _limit_s(model: Model, timeout_s: float) -> float | None:
    limits = [timeout_s if it.timeouts is None else it.timeouts.total_s for it in model.deployments]
    return min(limits, default=None)
