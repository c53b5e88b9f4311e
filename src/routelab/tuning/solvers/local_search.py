"""Cascades over chains of any length, where there are too many chains to try them all.

At a price of quality, models join and leave a chain while that helps: on a sample of the
requests first, where a line search takes microseconds, then thresholds are improved on all of
them. Each chain found is then followed along every one of its thresholds, which cumulative
sums answer for all values at once, so that the front between two prices is filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log
from routelab.policies import Cascade
from routelab.replay.cells import delivered_last
from routelab.stats import evenly, thinned
from routelab.tuning.solvers.grid import FRONT, GridCascade, best
from routelab.tuning.solvers.line_search import PricedStage, ascend, reached
from routelab.tuning.solvers.thresholds import ThresholdCandidates, threshold_candidates
from routelab.tuning.solvers.trade_offs import prices

# Every move tried is a line search, and a climb tries a move for each model and step: on a sample
# each takes microseconds. Thresholds are improved on all requests afterwards.
SAMPLE = 5_000
"""Requests on which models join and leave a chain."""

PRICES = 32
"""Qualities per USD that a chain is grown at, 0 (cost does not count) included."""

SWEEPS = 3
"""Passes through all stages of a chain, at most."""

ALONG = 200
"""Values of one threshold that are kept along a line, at most."""


class SolvedCascade(NamedTuple):
    """A chain with its thresholds.

    Attributes:
        models: columns of the log, by rising cost.
        thresholds: one for each model but the last.
        worth: mean quality minus trade-off times mean cost.
    """

    models: tuple[int, ...]
    thresholds: tuple[float, ...]
    worth: float


def cascades(
    log: Log, signal: str, thresholds: Mapping[str, ThresholdCandidates]
) -> Iterator[Cascade]:
    """The non-dominated cascades found, by rising cost.

    Args:
        log: rows to tune on.
        signal: confidence signal that every threshold is of.
        thresholds: of each model, for this signal; a model without thresholds comes last only.
    """
    for one in thinned(found(log, signal, thresholds), FRONT):
        yield one.policy


def found(
    log: Log, signal: str, thresholds: Mapping[str, ThresholdCandidates]
) -> list[GridCascade]:
    """The cascades of `cascades` with their sums over the log, before they are thinned.

    Args:
        log: rows to tune on.
        signal: confidence signal that every threshold is of.
        thresholds: of each model, for this signal; a model without thresholds comes last only.
    """
    order = np.argsort(log.cost_usd.mean(axis=0), kind="stable")
    models = tuple(log.models[at] for at in order)
    whole = log.only(models)
    rows = evenly(len(log), SAMPLE)
    some = whole.take(rows)
    drawn = {
        name: threshold_candidates(some.signals[signal][:, at]) for at, name in enumerate(models)
    }
    usable = [bool(thresholds[name]) and bool(drawn[name]) for name in models]
    candidates = [thresholds[name] for name in models]
    every: list[GridCascade] = []
    chain: SolvedCascade | None = None
    # From where cost alone counts to where it does not: chains grow with what quality is worth, so
    # that each trade-off begins with the chain of the one before.
    for price in (*prices(whole, PRICES - 1)[::-1].tolist(), 0.0):
        small = PricedRows(some, signal, [drawn[name] for name in models], usable, price)
        chain = small.climb(chain)
        full = PricedRows(whole, signal, candidates, usable, price)
        polished = full.ascend(chain.models, chain.thresholds)
        if len(polished.models) > 1:
            every += full.along(polished)
    return sorted(best(every), key=lambda cascade: cascade.cost)


class PricedRows:
    """Requests (n) at one quality per USD; models are columns by rising cost."""

    def __init__(
        self,
        log: Log,
        signal: str,
        candidates: Sequence[ThresholdCandidates],
        usable: Sequence[bool],
        price: float,
    ) -> None:
        self._log, self._signal, self._candidates, self._usable = log, signal, candidates, usable
        self._price = price
        columns = range(len(log.models))
        self._quality = [log.quality[:, at] for at in columns]
        self._confidence = [log.signals[signal][:, at] for at in columns]
        self._paid = [price * log.cost_with(signal, (slice(None), at)) for at in columns]
        self._final = [price * log.cost_usd[:, at] for at in columns]

    def climb(self, start: SolvedCascade | None) -> SolvedCascade:
        """Let models join and leave while that helps, from here and from the best pair."""
        singles = [self.ascend((at,), ()) for at in range(len(self._quality))]
        chain = max(singles, key=lambda it: it.worth)
        if start is not None:
            again = self.ascend(start.models, start.thresholds)
            chain = max(chain, again, key=lambda it: it.worth)
        while True:
            moves = [self.ascend(*move) for move in self._moves(chain)]
            better = max(moves, key=lambda it: it.worth, default=chain)
            # What differs in the last bits only is rounding, and no reason to change a chain.
            if better.worth <= chain.worth + 1e-12 * abs(chain.worth):
                return chain
            chain = better

    def _moves(self, chain: SolvedCascade) -> Iterator[tuple[tuple[int, ...], tuple[float, ...]]]:
        """The chain with one model more, one less, or one exchanged for its neighbour in cost."""
        has = dict(zip(chain.models, (*chain.thresholds, None), strict=True))
        every = range(len(self._quality))
        joined = [{*has, at} for at in every if at not in has]
        left = [{*has} - {at} for at in has if len(has) > 1]
        moved = [({*has} - {at}) | {to} for at in has for to in (at - 1, at + 1) if to in every]
        for models in (*joined, *left, *moved):
            ordered = tuple(sorted(models))
            if all(self._usable[at] for at in ordered[:-1]):
                yield ordered, tuple(self._start(at, has.get(at)) for at in ordered[:-1])

    def _start(self, model: int, threshold: float | None) -> float:
        levels = self._candidates[model].thresholds
        return float(levels[len(levels) // 2]) if threshold is None else threshold

    def ascend(
        self, models: tuple[int, ...], thresholds: tuple[float, ...], sweeps: int = SWEEPS
    ) -> SolvedCascade:
        """Improve thresholds from last to first by exact line searches."""
        stages = [
            PricedStage(
                self._quality[at], self._confidence[at], self._paid[at], self._candidates[at]
            )
            for at in models[:-1]
        ]
        return SolvedCascade(models, *ascend(stages, self._last(models), thresholds, sweeps))

    def _last(self, models: tuple[int, ...]) -> Floats:
        names = [self._log.models[at] for at in models]
        return delivered_last(self._log, self._signal, names) - self._final[models[-1]]

    def _reached(self, models: tuple[int, ...], thresholds: Sequence[float]) -> list[np.ndarray]:
        """PricedStage by stage, (n,) whether a request gets there."""
        confidence = [self._confidence[at] for at in models]
        return reached(confidence, thresholds, len(self._quality[0]))

    def point(self, chain: SolvedCascade) -> list[GridCascade]:
        """The chain with its sums; nothing for a single model."""
        if len(chain.models) == 1:
            return []
        names = tuple(self._log.models[at] for at in chain.models)
        last = delivered_last(self._log, self._signal, names)
        there = self._reached(chain.models, chain.thresholds)
        cost = np.where(there[-1], self._log.cost_usd[:, chain.models[-1]], 0.0).sum()
        brought = np.where(there[-1], last, 0.0).sum()
        for stage, at in enumerate(chain.models[:-1]):
            own = self._log.cost_with(self._signal, (slice(None), at))
            cost += np.where(there[stage], own, 0.0).sum()
            stopped = there[stage] & ~there[stage + 1]
            brought += np.where(stopped, self._quality[at], 0.0).sum()
        policy = Cascade(names, chain.thresholds, self._signal)
        return [GridCascade(float(cost), float(brought), policy)]

    def along(self, chain: SolvedCascade) -> Iterator[GridCascade]:
        """Non-dominated cascades along each threshold of a chain, the others held."""
        names = tuple(self._log.models[at] for at in chain.models)
        reached = self._reached(chain.models, chain.thresholds)
        spent = self._log.cost_usd[:, chain.models[-1]]
        quality = delivered_last(self._log, self._signal, names)
        for stage in reversed(range(len(names) - 1)):
            at = chain.models[stage]
            yield from self._line(chain, names, stage, reached[stage], spent, quality)
            stops = self._confidence[at] >= chain.thresholds[stage]
            own = self._log.cost_with(self._signal, (slice(None), at))
            spent = own + np.where(stops, 0.0, spent)
            quality = np.where(stops, self._quality[at], quality)

    def _line(
        self,
        chain: SolvedCascade,
        names: tuple[str, ...],
        stage: int,
        here: np.ndarray,
        spent: Floats,
        quality: Floats,
    ) -> Iterator[GridCascade]:
        """Along one threshold.

        Args:
            here: (n,) which requests get to the stage.
            spent, quality: (n,) what they cost and bring if they go on.
        """
        at = chain.models[stage]
        candidates = self._candidates[at]
        saved = np.cumsum(np.where(here, spent, 0.0)[candidates.order])[candidates.cuts - 1]
        change = np.where(here, self._quality[at] - quality, 0.0)
        gained = np.cumsum(change[candidates.order])[candidates.cuts - 1]
        cost, brought = self._all_on(chain, stage, here, spent, quality)
        listed = evenly(len(candidates.thresholds), ALONG)
        for cut in listed.tolist():
            thresholds = list(chain.thresholds)
            thresholds[stage] = float(candidates.thresholds[cut])
            policy = Cascade(names, tuple(thresholds), self._signal)
            yield GridCascade(cost - float(saved[cut]), brought + float(gained[cut]), policy)

    def _all_on(
        self, chain: SolvedCascade, stage: int, here: np.ndarray, spent: Floats, quality: Floats
    ) -> tuple[float, float]:
        """Cost and quality summed over all requests if the stage stopped none."""
        cost = np.where(here, spent, 0.0).sum()
        brought = np.where(here, quality, 0.0).sum()
        there = self._reached(chain.models, chain.thresholds)
        for index in range(stage + 1):
            at = chain.models[index]
            own = self._log.cost_with(self._signal, (slice(None), at))
            cost += np.where(there[index], own, 0.0).sum()
            if index < stage:
                stopped = there[index] & ~there[index + 1]
                brought += np.where(stopped, self._quality[at], 0.0).sum()
        return float(cost), float(brought)
