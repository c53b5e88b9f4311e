"""Replay request by request, by the generator that defines a policy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from routelab.core.admission import Admission, Estimate
from routelab.core.catalogue import Catalogue
from routelab.core.context import Context
from routelab.core.flow import Decision, drive
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Feedback
from routelab.core.scoring import Scoring, misfits
from routelab.errors import LogError, PolicyError, RouteError
from routelab.logs.log import Log
from routelab.replay.known import Known, bounded, feedback
from routelab.replay.result import Replay, nothing_yet


class _Uncovered(Exception):  # noqa: N818  (a signal between two functions, not an error)
    """The log holds no outcome for a call."""


def check(policy: Policy, known: Known) -> None:
    """Whether a log and scorers hold everything that a policy asks for.

    Raises:
        LogError: the log lacks a model, a signal or prompts.
        PolicyError: a scorer is not there, or is another than the policy needs.
    """
    log = known.log
    problems = [
        f"{log.name}: no model {name!r}; it has {', '.join(log.models)}"
        for name in policy.models_used
        if name not in log.models
    ] + [
        f"{log.name}: no signal {name!r}; it has {', '.join(log.signals) or 'none'}"
        for name in policy.signals_used
        if name not in log.signals
    ]
    if problems:
        raise LogError(*problems)
    if unfit := misfits(policy.scorer_uses, known.scoring):
        raise PolicyError(*unfit)


def run_generator(
    policy: Policy,
    log: Log,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    scoring: Scoring | None = None,
    estimates: Mapping[str, Estimate] | None = None,
    known: Known | None = None,
) -> Replay:
    """Replay by the generator, request by request: slow, and what the batch form must equal.

    Arguments and errors are those of `routelab.replay.run`.
    """
    known = known or Known(log, scoring)
    check(policy, known)
    driver = _Driver(policy, known, catalogue, estimates, seed)
    result = nothing_yet(log.models, len(log))
    for row in range(len(log)):
        answered, quality, cost, latency, calls = _generate(driver, row)
        result.answered[row] = answered
        result.quality[row] = quality
        result.cost_usd[row] = cost
        result.latency_s[row] = latency
        result.calls[row] = calls
    return result


def decide(
    policy: Policy,
    log: Log,
    row: int,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    scoring: Scoring | None = None,
    estimates: Mapping[str, Estimate] | None = None,
    known: Known | None = None,
) -> Decision:
    """One request's decision with all its steps; arguments are those of `routelab.replay.run`.

    Raises:
        NoModelError: every model of the policy is ruled out by the request's needs.
        RouteError: no call gave an answer.
    """
    known = known or Known(log, scoring, block=1)
    check(policy, known)
    x, answers = _Driver(policy, known, catalogue, estimates, seed).prepare(row)
    return drive(policy, x, answers)


def _generate(driver: _Driver, row: int) -> tuple[int, float, float, float, int]:
    """Answered column, quality, cost, latency and calls of one request."""
    x, answers = driver.prepare(row)
    log = driver.known.log
    try:
        decision = drive(driver.policy, x, answers)
    except _Uncovered:
        return -1, math.nan, math.nan, math.nan, len(x.called)
    except RouteError:
        latency = x.elapsed_s if x.called else math.nan
        return -1, 0.0, x.spent_usd, latency, len(x.called)
    column = log.models.index(decision.answer.model)
    quality = float(log.quality[row, column])
    return column, quality, decision.cost_usd, decision.latency_s, len(decision.steps)


class _Driver:
    """A policy over the requests of a log, one at a time."""

    def __init__(
        self,
        policy: Policy,
        known: Known,
        catalogue: Catalogue | None,
        estimates: Mapping[str, Estimate] | None,
        seed: int,
    ) -> None:
        self.policy = policy
        self.known = known
        self._seed = seed
        scoring, log = known.scoring, known.log
        self._admission = Admission(
            policy.models_used, catalogue or log.catalogue or Catalogue(), scoring, estimates
        )
        self._reads_text = policy.reads_text or _read_text(scoring, policy.scorers_used)
        self._bounds_read_text = _read_text(scoring, self._admission.scorers)
        self._bounded = bounded(log)

    def prepare(self, row: int) -> tuple[Context, _Answers]:
        """One request in the policy's hands, and its logged answers."""
        known, admission = self.known, self._admission
        text = self._reads_text or bool(self._bounds_read_text and self._bounded[row])
        long = known.tokens[admission.shortest_window][row] > 0
        request = known.request(row, text=text or bool(long))
        x = Context(
            request,
            admission.models,
            seed=self._seed,
            scoring=known.scoring,
            admission=admission,
        )
        return x, _Answers(known.log, row)


def _read_text(scoring: Scoring | None, names: Sequence[str]) -> bool:
    return scoring is not None and any(scoring.reads_text(name) for name in names)


class _Answers:
    """Answers calls about one request from the log, each model once."""

    def __init__(self, log: Log, row: int) -> None:
        self._log, self._row = log, row
        self._asked: set[str] = set()

    def __call__(self, call: Call) -> Feedback:
        if call.model in self._asked or call.messages is not None:
            raise _Uncovered
        self._asked.add(call.model)
        return feedback(self._log, (self._row, self._log.models.index(call.model)), call.need)


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
