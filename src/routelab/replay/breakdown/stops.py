"""What a cascade comes to on each request, wherever it stops.

Replaying other thresholds only moves the step at which a request stops, so what follows
from a stop is worked out once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats, Ints
from routelab.policies import Cascade
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.engine import table_of

_T = TypeVar("_T", bound=np.generic)

NEVER = -1
"""The step of a request that no model may serve, and the giver of no answer."""


class StopMeans(NamedTuple):
    """Figures of one set of thresholds."""

    quality: float
    usd_per_1k: float
    escalation_rate: float


@dataclass(frozen=True, eq=False)
class Stops:
    """Requests (n) of a cascade and its steps (m).

    Attributes:
        confidence: (m, n) of the answers; NaN is missing and escalates.
        alone: (m, n) mean quality of each model's own answer, 0 where its call failed.
        asked: (m, n) whether the step's model is asked by a request that gets there.
        final: (m, n) whether no later model may be asked, so that the request stops here.
        usd: (m, n) spent on the step by a request that gets there.
        quality, answered, calls: (m + 1, n) of a request that stops at this step: what is
            delivered, which step gave it (`NEVER` for none), and calls made. The last row
            is for requests that stop nowhere.
    """

    cascade: Cascade
    confidence: Floats
    alone: Floats
    asked: Bools
    final: Bools
    usd: Floats
    quality: Floats
    answered: Ints
    calls: Ints

    def __len__(self) -> int:
        return int(self.asked.shape[1])

    def at(self, thresholds: Sequence[float]) -> Ints:
        """(n,) the step at which each request stops; NaN as a threshold never accepts."""
        found = np.where(self.final[-1], len(self.final) - 1, NEVER)
        for step in reversed(range(len(thresholds))):
            found[self.accepts(step, thresholds[step])] = step
        return found

    def accepts(self, step: int, threshold: float) -> Bools:
        """(n,) whether a request that gets to this step stops there."""
        confident = self.confidence[step] >= threshold
        return np.asarray(self.final[step] | (self.asked[step] & confident))

    def gets_to(self, step: int, at: Ints) -> Bools:
        """(n,) whether the step's model is asked, given where requests stop."""
        return np.asarray(self.asked[step] & (at >= step))

    def pick(self, values: npt.NDArray[_T], at: Ints) -> npt.NDArray[_T]:
        """(n,) of (m + 1, n) values, the one of each request's stop."""
        return np.asarray(values[at, self.every])

    @cached_property
    def every(self) -> Ints:
        """(n,) the requests."""
        return np.arange(len(self))

    def means(self, at: Ints) -> StopMeans:
        """Figures, given where requests stop."""
        spent = sum(
            (np.where(self.gets_to(step, at), usd, 0.0) for step, usd in enumerate(self.usd)),
            start=np.zeros(len(at)),
        )
        return StopMeans(
            float(self.pick(self.quality, at).mean()),
            1000 * float(spent.mean()),
            float(np.mean(self.pick(self.calls, at) > 1)),
        )


def stops(cascade: Cascade, comparison: ComparisonSet) -> Stops:
    """The stops of a cascade on a part of a log.

    Raises:
        LogError: the log lacks a model or the signal of the cascade.
    """
    log, signal = comparison.log, cascade.signal
    table = table_of(cascade, log, catalogue=comparison.catalogue, seed=comparison.seed)
    columns = [table.column(name) for name in cascade.models]
    shape = (len(columns), len(log))
    asked = (
        np.ones(shape, dtype=np.bool_) if table.allowed is None else _rows(table.allowed, columns)
    )
    confidence = _rows(log.signals[signal], columns)
    final = asked & ~_later(asked)
    with_signal = log.cost_with(signal, (slice(None), columns)).T
    paid = np.where(final, _rows(log.cost_usd, columns), with_signal)
    answered = _answered(asked & ~_rows(log.error, columns), confidence)
    alone = _rows(log.quality, columns)
    return Stops(
        cascade=cascade,
        confidence=confidence,
        alone=alone,
        asked=asked,
        final=final,
        usd=np.where(asked, paid, 0.0),
        quality=np.where(answered < 0, 0.0, np.take_along_axis(alone, answered, axis=0)),
        answered=answered,
        calls=np.vstack([np.cumsum(asked, axis=0), np.zeros(len(log), dtype=np.int64)]),
    )


def _rows(values: npt.NDArray[_T], columns: Sequence[int]) -> npt.NDArray[_T]:
    """(m, n) of (n, models)."""
    return np.ascontiguousarray(values[:, columns].T)


def _later(asked: Bools) -> Bools:
    """(m, n) whether a later step asks."""
    here_or_later = np.logical_or.accumulate(asked[::-1], axis=0)[::-1]
    return np.vstack([here_or_later[1:], np.zeros((1, asked.shape[1]), dtype=np.bool_)])


def _answered(good: Bools, confidence: Floats) -> Ints:
    """(m + 1, n) the step whose answer is delivered on stopping at each step.

    Where the call of that step failed it is the most confident earlier answer, as in
    `routelab.replay.engine`.
    """
    steps, n = good.shape
    answered = np.full((steps + 1, n), NEVER, dtype=np.int64)
    best, giver = np.full(n, -np.inf), np.full(n, NEVER)
    for step in range(steps):
        sure = np.where(np.isnan(confidence[step]), -np.inf, confidence[step])
        better = good[step] & (sure >= best)
        best, giver = np.where(better, sure, best), np.where(better, step, giver)
        answered[step] = np.where(good[step], step, giver)
    return answered
