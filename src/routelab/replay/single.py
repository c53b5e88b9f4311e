"""Replay request by request, by the generator that defines a policy."""

from __future__ import annotations

import math

import numpy as np

from routelab.core.catalogue import Catalogue
from routelab.core.context import Context
from routelab.core.flow import Decision, drive
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Feedback
from routelab.errors import LogError, RouteError
from routelab.logs.log import Log
from routelab.replay.result import Replay, nothing_yet


class _Uncovered(Exception):  # noqa: N818  (a signal between two functions, not an error)
    """The log holds no outcome for a call."""


def run_generator(
    policy: Policy, log: Log, *, catalogue: Catalogue | None = None, seed: int = 0
) -> Replay:
    """Replay by the generator, request by request: slow, and what the batch form must equal."""
    result = nothing_yet(log.models, len(log))
    for row in range(len(log)):
        answered, quality, cost, latency, calls = _generate(policy, log, row, catalogue, seed)
        result.answered[row] = answered
        result.quality[row] = quality
        result.cost_usd[row] = cost
        result.latency_s[row] = latency
        result.calls[row] = calls
    return result


def decide(
    policy: Policy, log: Log, row: int, *, catalogue: Catalogue | None = None, seed: int = 0
) -> Decision:
    """One request's decision with all its steps.

    Raises:
        NoModelError: every model of the policy is ruled out by the request's needs.
        RouteError: no call gave an answer.
    """
    x, answers = _prepare(policy, log, row, catalogue, seed)
    return drive(policy, x, answers)


def _generate(
    policy: Policy, log: Log, row: int, catalogue: Catalogue | None, seed: int
) -> tuple[int, float, float, float, int]:
    """Answered column, quality, cost, latency and calls of one request."""
    x, answers = _prepare(policy, log, row, catalogue, seed)
    try:
        decision = drive(policy, x, answers)
    except _Uncovered:
        return -1, math.nan, math.nan, math.nan, len(x.called)
    except RouteError:
        latency = x.elapsed_s if x.called else math.nan
        return -1, 0.0, x.spent_usd, latency, len(x.called)
    column = log.models.index(decision.answer.model)
    quality = float(log.quality[row, column])
    return column, quality, decision.cost_usd, decision.latency_s, len(decision.steps)


class _Answers:
    """Answers calls about one request from the log, each model once."""

    def __init__(self, log: Log, row: int) -> None:
        self._log, self._row = log, row
        self._asked: set[str] = set()

    def __call__(self, call: Call) -> Feedback:
        if call.model in self._asked or call.messages is not None:
            raise _Uncovered
        self._asked.add(call.model)
        log, key = self._log, (self._row, self._log.models.index(call.model))
        cost = charged(log, call.need, key)
        signals = {name: float(log.signals[name][key]) for name in call.need}
        error = "the logged call failed" if log.error[key] else None
        return Feedback(call.model, signals, cost, float(log.latency_s[key]), error)


def charged(log: Log, need: tuple[str, ...], key: tuple[int, int]) -> float:
    """USD of one call with the signals it needs; several add their extras to one answer."""
    if len(need) == 1:
        return float(log.cost_with(need[0], key))
    cost = float(log.cost_usd[key])
    return cost + sum(float(log.cost_with(name, key)) - cost for name in need)


def _prepare(
    policy: Policy, log: Log, row: int, catalogue: Catalogue | None, seed: int
) -> tuple[Context, _Answers]:
    request = log.requests.request(row)
    catalogue = catalogue or log.catalogue or Catalogue()
    allowed = catalogue.allowed(policy.models_used, request.needs)
    return Context(request, allowed, seed=seed), _Answers(log, row)


def row_of(log: Log, request_id: str) -> int:
    """Row of a request.

    Raises:
        LogError: the log has no such request.
    """
    found = np.flatnonzero(log.requests.id == request_id)
    if not len(found):
        raise LogError(
            f"{log.name}: no request {request_id!r}; ids look like {log.requests.id[0]!r}"
        )
    return int(found[0])
