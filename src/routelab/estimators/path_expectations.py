"""What the calls of a path lead to: fitted from the last calls back to the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.estimators.logged_decisions import LoggedDecisions, Outcome
from routelab.estimators.outcome_models import CallFeatures, OutcomeModel, Predict
from routelab.estimators.target_decisions import TargetDecisions

_NOBODY = -1
"""The model called before the first call."""


class _Cell(NamedTuple):
    """Calls of one model in one place after one other model.

    Attributes:
        place: of the call, from 0.
        previous: the model called before it.
        model: that is called.
        calls: (c,) indices of the logged calls.
        before: (b,) where such a call may follow: rows of requests, or indices of calls.
    """

    place: int
    previous: int
    model: int
    calls: Ints
    before: Ints


@dataclass(frozen=True, eq=False)
class Paths:
    """The logged calls as steps of a policy's paths, for one outcome.

    Attributes:
        log: of the calls.
        target: decisions of the policy.
        outcome: of the log.
        ends: (s,) what it comes to where the policy ends after each call.
    """

    log: LoggedDecisions
    target: TargetDecisions
    outcome: Outcome
    ends: Floats

    def expectations(self, model: OutcomeModel, fitted: Bools) -> tuple[Floats, Floats, Floats]:
        """Before any call (n,), after each call (s,), and before it (s,); see `Expectations`.

        What a call leads to is fitted on what the policy would do next, as far as it is known or
        fitted already. Calls that the policy would not have made are of no use in that.

        Args:
            model: that is fitted for every place and pair of successive models.
            fitted: (s,) calls to fit it on.
        """
        log, ending = self.log, self.target.ending(self.log)
        start, call = np.zeros(len(log)), np.zeros(len(log.request))
        after = np.where(ending > 0, ending * self.ends, 0.0)
        for cell in self._cells:
            usable = cell.calls[(fitted & self._reached)[cell.calls]]
            usable = usable[~np.isnan(after[usable])]
            gain = after[usable] - self._carried[usable]
            predict = (
                model.fit(self._known(cell, usable), gain)
                if len(usable)
                else _constant(self._alone(cell.model, fitted))
            )
            if len(cell.calls):
                guess = predict(self._known(cell, cell.calls))
                call[cell.calls] = self._carried[cell.calls] + guess
            self._pass_on(cell, predict, start if cell.previous == _NOBODY else after)
        return start, after, call

    def _pass_on(self, cell: _Cell, predict: Predict, into: Floats) -> None:
        """Add what the calls of a cell lead to, to the places where the policy may make them."""
        chance = self._chance(cell)
        likely = np.flatnonzero(chance > 0)
        if not len(likely):
            return
        rows = cell.before[likely]
        if cell.previous == _NOBODY:
            into[rows] += chance[likely] * predict(self._first_known.take(rows))
            return
        so_far = 0.0 if self.outcome.of_answer else self.ends[rows]
        into[rows] += chance[likely] * (so_far + predict(self._later_known.take(rows)))

    @cached_property
    def _cells(self) -> list[_Cell]:
        return list(self._cells_from_the_last())

    def _cells_from_the_last(self) -> Iterator[_Cell]:
        """Also cells without a call that the policy may make, one place after the last."""
        log, m = self.log, len(self.log.models)
        place = log.place
        previous = np.where(place > 0, log.model[np.maximum(np.arange(len(place)) - 1, 0)], _NOBODY)
        for depth in range(int(place.max()) + 1, 0, -1):
            calls, nodes = np.flatnonzero(place == depth), np.flatnonzero(place == depth - 1)
            for earlier in range(m):
                before = nodes[log.model[nodes] == earlier]
                here = calls[previous[calls] == earlier]
                for model in range(m):
                    yield _Cell(depth, earlier, model, here[log.model[here] == model], before)
        calls, everyone = log.starts, np.arange(len(log))
        for model in range(m):
            yield _Cell(0, _NOBODY, model, calls[log.model[calls] == model], everyone)

    def _chance(self, cell: _Cell) -> Floats:
        """(b,) probability with which the policy makes the calls of a cell."""
        target = self.target
        if cell.previous != _NOBODY:
            nothing = np.zeros(0)
            after = target.after
            return nothing if after is None else np.asarray(after[cell.before, cell.model])
        if target.certain:
            made: Floats = (target.first == cell.model).astype(np.float64)
            return made
        return np.asarray(target.first[:, cell.model])

    def _known(self, cell: _Cell, calls: Ints) -> CallFeatures:
        """What is known before these calls of a cell."""
        if cell.previous == _NOBODY:
            return self._first_known.take(self.log.request[calls])
        return self._later_known.take(calls - 1)

    def _alone(self, model: int, fitted: Bools) -> float:
        """What a call of a model adds by itself, on average; of any model where it has none."""
        gain = self.ends - self._carried
        fitted = fitted & ~np.isnan(gain)
        made = fitted & (self.log.model == model)
        used = gain[made if made.any() else fitted]
        return float(used.mean()) if len(used) else 0.0

    @cached_property
    def _first_known(self) -> CallFeatures:
        return call_features(self.log)

    @cached_property
    def _later_known(self) -> CallFeatures:
        """(s,) what is known after each call."""
        log, first = self.log, self._first_known.take(self.log.request)
        if log.seen is None:
            return first
        return first._replace(numbers=np.hstack([first.numbers, log.seen]))

    @cached_property
    def _reached(self) -> Bools:
        """(s,) whether the policy may make this call and those before it."""
        return self.log.running(self.target.chance(self.log), product=True) > 0

    @cached_property
    def _carried(self) -> Floats:
        """(s,) what a growing outcome has come to before each call, as the policy counts it."""
        carried = np.zeros(len(self.log.request))
        later = np.flatnonzero(self.log.place > 0)
        if not self.outcome.of_answer:
            carried[later] = self.ends[later - 1]
        return carried


def call_features(log: LoggedDecisions) -> CallFeatures:
    """(n,) what is known of each request before any call."""
    n = len(log)
    task = np.zeros(n, dtype=np.int64) if log.task is None else log.task
    return CallFeatures(task, np.zeros((n, 0)) if log.features is None else log.features)


def _constant(value: float) -> Predict:
    def predict(asked: CallFeatures) -> Floats:
        return np.full(len(asked.task), value)

    return predict
