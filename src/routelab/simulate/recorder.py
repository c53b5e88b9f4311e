"""Writes down what becomes of each request while a day is simulated."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import IO, Any

import numpy as np

from routelab.core import Floats
from routelab.runtime import FinishedRequest, reached_endpoint
from routelab.runtime.budgets import Alert
from routelab.runtime.journal import LogStatus, Note, record, record_line
from routelab.simulate.deployment_stats import AttemptTallies, NotableRequests

_ENDS = ("answered", "failed", "refused", "shed", "cancelled", "broken", "running")
UNFINISHED = _ENDS.index("running")


class Recorder:
    """A handful of numbers for each request (k), whatever its decision was like.

    Attributes:
        tallies: of attempts, by deployment.
        remembered: requests worth looking at.

    Args:
        places: request id to its place among the arrivals, for those on their way.
        models: that can answer.
    """

    def __init__(self, places: dict[str, int], models: tuple[str, ...], count: int) -> None:
        self._places = places
        self._models = {name: index for index, name in enumerate(models)}
        self.models = models
        self.latency_s = array("d", bytes(8 * count))
        self.cost_usd = array("d", bytes(8 * count))
        self.quality = array("d", bytes(8 * count))
        self.model = array("b", [-1]) * count
        self.end = array("b", [UNFINISHED]) * count
        self.calls = array("i", bytes(4 * count))
        self.attempts = array("i", bytes(4 * count))
        self.done = 0
        self.tallies = AttemptTallies()
        self.remembered = NotableRequests()

    def finished(self, finished: FinishedRequest) -> None:
        """A request is over."""
        at = self._places[finished.request.id]
        self.latency_s[at] = finished.latency_s
        self.cost_usd[at] = finished.cost_usd
        self.end[at] = _ENDS.index(finished.status)
        self.calls[at] = sum(reached_endpoint(step.feedback) for step in finished.steps)
        self.attempts[at] = sum(len(step.feedback.attempts) for step in finished.steps)
        if (answer := finished.answer) is not None:
            self.model[at] = self._models[answer.model]
            self.quality[at] = _quality(answer.raw)
        self.done += 1
        self.tallies.count(finished)
        self.remembered.consider(finished)

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """Nobody judges answers while a day is simulated."""

    def alert(self, alert: Alert) -> None:
        """Budgets are not this observer's concern."""

    def statuses(self) -> Any:
        """(k,) how each request ended."""
        return np.array(_ENDS, dtype=object)[np.asarray(self.end)]

    def answering(self) -> Any:
        """(k,) the model that answered; empty for none."""
        return np.array([*self.models, ""], dtype=object)[np.asarray(self.model)]


def _quality(raw: Any) -> float:
    said = (raw or {}).get("routelab", {}).get("quality")
    return math.nan if said is None else float(said)


class EventFile:
    """Every finished request as a line of a decision log, in the order in which they end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._written = 0

    def write(self, finished: FinishedRequest) -> None:
        self._file.write(record_line(record(finished)))
        self._written += 1

    def note(self, note: Note) -> None:
        self._file.write(record_line(note))

    def keep_out(self, variables: Iterable[str]) -> None:
        """There are no secrets in a log."""

    def status(self) -> LogStatus:
        return LogStatus(written=self._written)

    def close(self) -> None:
        """Whoever opened the file closes it."""


def numbers(values: array[Any]) -> Floats:
    """An array as float64."""
    return np.asarray(values, dtype=np.float64)
