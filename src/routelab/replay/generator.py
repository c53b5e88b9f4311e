"""Replay request by request, by the generator that defines a policy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from routelab.core import (
    Admission,
    Call,
    CallEstimate,
    Context,
    Decision,
    Feedback,
    Policy,
    Scoring,
    Step,
    drive,
    scorer_misfits,
)
from routelab.core.catalogue import Catalogue
from routelab.errors import LogError, PolicyError, RouteError, UncoveredError
from routelab.gates import Function, Gate, verdict
from routelab.logs.model import Log
from routelab.policy_file import PolicyFile
from routelab.replay.request_cache import RequestCache, bounded, feedback
from routelab.replay.result import Replay, nothing_yet


def check(policy: Policy, cache: RequestCache) -> None:
    """Whether a log and scorers hold everything that a policy asks for.

    Raises:
        LogError: the log lacks a model, a signal or prompts.
        PolicyError: it is no policy, or a scorer is not there or is another than it needs.
    """
    if not isinstance(policy, Policy):
        raise PolicyError(_no_policy(policy))
    log = cache.log
    problems = [
        f"{log.name}: no model {name!r}; it has {', '.join(log.models)}"
        for name in policy.models_used
        if name not in log.models
    ] + [
        f"{log.name}: no signal {name!r}; it has {', '.join(log.signals) or 'none'}"
        f"{log.unasked_hint([name])}"
        for name in policy.signals_used
        if name not in log.signals
    ]
    if policy.reads_answers and log.texts is None:
        problems.append(f"{log.name}: the policy reads answers, and the log has no texts")
    if problems:
        raise LogError(*problems)
    for gate in policy.gates_used:
        gate.ready()
    if unfit := scorer_misfits(policy.scorer_uses, cache.scoring):
        without = "; give `scoring`, which a loaded policy has: `load('NAME.policy').scoring`"
        raise PolicyError(*(f"{it}{'' if cache.scoring else without}" for it in unfit))


def _no_policy(given: object) -> str:
    """That something is no policy, and how to come by it."""
    if isinstance(given, PolicyFile):
        return (
            f"a whole policy directory ({given.name!r}) is no policy to replay: pass"
            " `policy_file.policy`, and `scoring=policy_file.scoring` where it has scorers"
        )
    if isinstance(given, str | Path):
        return (
            f"the path {str(given)!r} is no policy to replay: load it first, and pass"
            f" routelab.load({str(given)!r}).policy"
        )
    return f"{given!r:.80} of type {type(given).__name__} is no policy to replay"


def run_generator(
    policy: Policy,
    log: Log,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    scoring: Scoring | None = None,
    estimates: Mapping[str, CallEstimate] | None = None,
    cache: RequestCache | None = None,
) -> Replay:
    """Replay by the generator, request by request: slow, and what the batch form must equal.

    Args:
        policy: to replay.
        log: outcomes (n, m) that answer its calls.
        catalogue: rules out models that lack a request's needs; default the log's.
        seed: of the policy's random draws.
        scoring: the scorers that the policy names.
        estimates: of calls, for requests with a budget or a deadline.
        cache: of this log and these scorers, to share what earlier replays computed.
    Raises:
        LogError, PolicyError: as `routelab.replay.run`.
    """
    cache = cache or RequestCache(log, scoring)
    check(policy, cache)
    driver = _Driver(policy, cache, catalogue, estimates, seed)
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
    estimates: Mapping[str, CallEstimate] | None = None,
    cache: RequestCache | None = None,
    explained: bool = False,
) -> Decision:
    """One request's decision with all its steps; arguments are those of `routelab.replay.run`.

    Args:
        explained: with the policy's reasons in words.
    Raises:
        NoModelError: every model of the policy is ruled out by the request's needs.
        RouteError: no call gave an answer.
        UncoveredError: the log holds no outcome for a call.
    """
    cache = cache or RequestCache(log, scoring, block=1)
    check(policy, cache)
    x, answers = _Driver(policy, cache, catalogue, estimates, seed).prepare(row, explained)
    return drive(policy, x, answers)


class RequestTrace(NamedTuple):
    """What a policy called on a request, and why it ended.

    Attributes:
        calls: models, in call order.
        answered: the model whose answer was delivered; None for none.
        stop: what became of the last call (see `step_outcome`); "no model" where none may serve the
            request.
    """

    calls: tuple[str, ...]
    answered: str | None
    stop: str


def traces(
    policy: Policy,
    cache: RequestCache,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    estimates: Mapping[str, CallEstimate] | None = None,
) -> Iterator[RequestTrace]:
    """What a policy does on every request of a log, in its order, by the generator.

    Args:
        policy: to replay.
        cache: of the log and the scorers that the policy names.
        catalogue, seed, estimates: as of `run_generator`.
    Raises:
        LogError, PolicyError: as `routelab.replay.run`.
        UncoveredError: the log holds no outcome for a call.
    """
    check(policy, cache)
    driver = _Driver(policy, cache, catalogue, estimates, seed)
    for row in range(len(cache.log)):
        x, answers = driver.prepare(row)
        try:
            decision = drive(policy, x, answers)
        except RouteError:
            yield RequestTrace(tuple(x.called), None, "failed" if x.called else "no model")
        else:
            stop = step_outcome(decision.steps[-1], decision)
            yield RequestTrace(decision.models, decision.answer.model, stop)


def decisions(
    policy: Policy,
    cache: RequestCache,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
) -> Iterator[Decision | RouteError]:
    """What a policy decides on every request of a log, in its order; or why nobody answered.

    Args:
        policy: to replay.
        cache: of the log and the scorers that the policy names.
        catalogue, seed: as of `run_generator`.
    Raises:
        LogError, PolicyError: as `routelab.replay.run`.
        UncoveredError: the log holds no outcome for a call.
    """
    check(policy, cache)
    driver = _Driver(policy, cache, catalogue, None, seed)
    for row in range(len(cache.log)):
        x, answers = driver.prepare(row)
        try:
            yield drive(policy, x, answers)
        except UncoveredError:
            raise
        except RouteError as failure:
            yield failure


def step_outcome(step: Step, of: Decision) -> str:
    """What became of an answer of a decision, in a word."""
    if step.feedback.error is not None:
        return "failed"
    if step.feedback.rejected:
        return "refused"
    if step.threshold is None:
        return "delivered" if step.feedback is of.answer else "overruled"
    value = step.feedback.signals[step.call.need[0]]
    return "accepted" if value >= step.threshold else "escalated"


def _generate(driver: _Driver, row: int) -> tuple[int, float, float, float, int]:
    """Answered column, quality, cost, latency and calls of one request."""
    x, answers = driver.prepare(row)
    log = driver.cache.log
    try:
        decision = drive(driver.policy, x, answers)
    except UncoveredError:
        return -1, math.nan, math.nan, math.nan, len(x.called)
    except RouteError:
        latency = x.elapsed_s if x.called else math.nan
        return -1, 0.0, x.spent_usd, latency, len(x.called)
    column = log.models.index(decision.answer.model)
    sample = next(it.call.sample for it in decision.steps if it.feedback is decision.answer)
    quality = float(log.samples[sample].quality[row, column])
    return column, quality, decision.cost_usd, decision.latency_s, len(decision.steps)


class _Driver:
    """A policy over the requests of a log, one at a time."""

    def __init__(
        self,
        policy: Policy,
        cache: RequestCache,
        catalogue: Catalogue | None,
        estimates: Mapping[str, CallEstimate] | None,
        seed: int,
    ) -> None:
        self.policy = policy
        self.cache = cache
        self._seed = seed
        scoring, log = cache.scoring, cache.log
        self._admission = Admission(
            policy.models_used, catalogue or log.catalogue or Catalogue(), scoring, estimates
        )
        self._reads_text = policy.reads_text or _read_text(scoring, policy.scorers_used)
        self._bounds_read_text = _read_text(scoring, self._admission.scorers)
        self._bounded = bounded(log)

    def prepare(self, row: int, explained: bool = False) -> tuple[Context, LoggedAnswers]:
        """One request in the policy's hands, and its logged answers."""
        cache, admission = self.cache, self._admission
        text = self._reads_text or bool(self._bounds_read_text and self._bounded[row])
        long = cache.tokens[admission.shortest_window][row] > 0
        request = cache.request(row, text=text or bool(long))
        x = Context(
            request,
            admission.models,
            seed=self._seed,
            scoring=cache.scoring,
            admission=admission,
            explained=explained,
        )
        return x, LoggedAnswers(cache, row, texts=self.policy.reads_answers)


def _read_text(scoring: Scoring | None, names: Sequence[str]) -> bool:
    return scoring is not None and any(scoring.reads_text(name) for name in names)


class LoggedAnswers:
    """Answers calls about one request from the log.

    Args:
        texts: give the text of answers.
    """

    def __init__(self, cache: RequestCache, row: int, *, texts: bool) -> None:
        self._cache, self._row, self._texts = cache, row, texts

    def __call__(self, call: Call) -> Feedback:
        cache, samples = self._cache, self._cache.log.samples
        key = (self._row, cache.log.models.index(call.model))
        if call.messages is not None:
            raise self._uncovered(call, "what it answers to changed messages is in no log")
        if call.sample and not (call.sample < len(samples) and samples[call.sample].observed(key)):
            raise self._uncovered(call, f"no row of it with `attempt` {call.sample} is logged")
        seen = feedback(samples[call.sample], key, call.need)
        if not (call.gates or self._texts) or seen.error is not None:
            return seen
        text = cache.response(key, call.sample)
        verdicts = (self._verdict(call, gate, key, text) for gate in call.gates)
        rejected = tuple(reason for reason in verdicts if reason is not None)
        return msgspec.structs.replace(seen, text=text, rejected=rejected)

    def _verdict(
        self, call: Call, gate: Gate, key: tuple[int, int], text: str | None
    ) -> str | None:
        """Why a gate refuses an answer: by the log's column of its verdicts, else by the text."""
        column = self._cache.log.samples[call.sample].signals.get(gate.name)
        if column is not None and not math.isnan(column[key]):
            return None if column[key] >= 0.5 else f"{gate.name} refused the answer"
        if text is None or isinstance(gate, Function):
            lacking = "no text of the answer" if text is None else "no function is at hand"
            raise self._uncovered(
                call, f"{lacking}, nor a verdict in a column {gate.name!r} of the log"
            )
        return verdict(gate, text)

    def _uncovered(self, call: Call, why: str) -> UncoveredError:
        log = self._cache.log
        request = str(log.requests.id[self._row])
        return UncoveredError(f"{log.name}: request {request!r}, model {call.model!r}: {why}")


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
