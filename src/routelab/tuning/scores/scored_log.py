"""A complete log of doubly robust scores, from a partial one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from routelab import learning
from routelab.core import Bools, Floats, Ints
from routelab.core.messages import unknown_name
from routelab.errors import LearningError, LogError
from routelab.estimators import (
    DR,
    SNDR,
    CrossFit,
    Expectations,
    LoggedDecisions,
    MeanByTask,
    PolicyEstimate,
    Ridge,
    TargetDecisions,
    explorations,
    logged_decisions,
    path_weights,
)
from routelab.logs.model import Log, PartialLog
from routelab.replay.partial import first_answers

OUTCOMES = ("quality", "cost_usd", "latency_s")


@dataclass(frozen=True, eq=False)
class ScoredLog:
    """A partial log made complete.

    Attributes:
        log: the scores, (n, m) of quality and cost; its `seen` is what scorers learn from.
        decisions: the first call of each request, with what outcome models go by.
        expected: by outcome, (n, k) what outcome models that did not see the request expect of
            every model of `decisions`.
        audited: (n,) requests on which every model answered, whose scores are those answers.
        left_out: by model, why it has no scores.
    """

    log: Log
    decisions: LoggedDecisions
    expected: Mapping[str, Floats]
    audited: Bools
    left_out: Mapping[str, str]

    def fit(self, rows: Ints | None = None) -> CrossFit:
        """The outcome models, as estimators ask for them.

        Args:
            rows: (k,) of the requests, ascending; None for all.
        """
        kept = {name: it if rows is None else it[rows] for name, it in self.expected.items()}
        return _Fitted(expected=kept)


@dataclass(frozen=True)
class _Fitted(CrossFit):
    """Outcome models that were fitted before, on a whole log of which this is a part."""

    expected: Mapping[str, Floats] = field(default_factory=dict)

    def expectations(
        self, log: LoggedDecisions, target: TargetDecisions, name: str
    ) -> Expectations:
        table, rows = self.expected[name], np.arange(len(log))
        ends = target.of(log.outcome(name), name)
        first = target.first
        start = table[rows, first] if target.certain else (first * table).sum(axis=1)
        return Expectations(start, ends, table[rows, log.model])


def scored_log(
    log: PartialLog,
    models: Sequence[str] | None = None,
    *,
    seed: int = 0,
    notify: Callable[[str], None] | None = None,
) -> ScoredLog:
    """The doubly robust scores of every model on every request, asked first and alone.

    A score is what a model, fitted on other requests, expects of the answer; and where the logged
    policy called that model first, what the answer was worth beyond it, over the propensity. The
    mean of scores over requests that are picked by what is known before the call is right if
    propensities are. Only first calls count: which later calls were made depends on answers.

    Args:
        log: with the propensity of every first call, and the quality of what it gave.
        models: that must have scores; None for all that the log can tell of.
        seed: of the cross-fits.
        notify: called with a sentence on what takes long.
    Raises:
        LogError: the log cannot be used, a model that must be scored is not in it or has no
            support (with the exploration that would give it some), or fewer than two models have.
    Source: Dudik, Langford & Li 2011, "Doubly robust policy evaluation and learning".
    """
    _check_names(log, models or ())
    first = _first_calls(log)
    audited = _audited(log)
    seen = _seen(first, log, audited)
    if notify is not None:
        notify("learning what each model's answers are worth, for doubly robust scores")
    decisions = logged_decisions(first, features=_expected(seen, seed))
    left_out = _without_support(decisions, models)
    kept = [name for name in dict.fromkeys(models or log.models) if name not in left_out]
    how = CrossFit(Ridge(), seed=seed)
    known = [name for name, it in decisions.outcomes.items() if not np.isnan(it.at_end).any()]
    expected = {name: _table(decisions, name, how) for name in known}
    fit = _Fitted(expected=expected)
    scores = {name: _scores(decisions, kept, name, fit) for name in ("quality", "cost_usd")}
    columns = [decisions.models.index(name) for name in kept]
    seen = seen.only(kept)
    seen = replace(seen, requests=replace(seen.requests, audit=audited))
    for name, values in scores.items():
        values[audited] = getattr(seen, name)[audited]
    seen = _completed(seen, {name: it[:, columns] for name, it in expected.items()})
    nothing = np.full_like(scores["quality"], np.nan)
    complete = replace(
        seen,
        requests=replace(seen.requests, audit=None),
        prompt_tokens=nothing,
        completion_tokens=nothing,
        error=np.zeros_like(nothing, dtype=np.bool_, order="F"),
        signals={},
        extra_usd={},
        unasked={},
        seen=seen,
        quality=scores["quality"],
        cost_usd=scores["cost_usd"],
        latency_s=nothing,  # percentiles of scores would mean nothing
    )
    return ScoredLog(complete, decisions, expected, audited, left_out)


def _check_names(log: PartialLog, models: Sequence[str]) -> None:
    if unknown := [it for it in models if it not in log.models]:
        raise LogError(*(f"{log.name}: {unknown_name('model', it, log.models)}" for it in unknown))


def _first_calls(log: PartialLog) -> PartialLog:
    """The first call of each request alone."""
    starts = np.flatnonzero(np.diff(log.request, prepend=-1))
    if bool((log.step[starts] != 0).any()):
        row = int(starts[np.flatnonzero(log.step[starts])[0]])
        raise LogError(
            f"{log.name}: request {log.requests.id[log.request[row]]!r} lacks its first call, which"
            " doubly robust scores rest on"
        )
    unjudged = int(np.isnan(np.where(log.error, 0.0, log.quality)[starts]).sum())
    if unjudged:
        raise LogError(
            f"{log.name}: of {unjudged:,} of {len(starts):,} requests nobody judged the first"
            " answer, so that nobody knows what its model is worth there; judge them, or leave"
            " those requests out if chance alone decided which were judged"
        )
    by_call = ("request", "model", "step", "propensity", *OUTCOMES, "prompt_tokens",
               "completion_tokens", "error")  # fmt: skip
    fields = {name: getattr(log, name)[starts] for name in by_call}
    return replace(log, **fields, signals={}, extra_usd={}, unasked={}, ended=None)


def _audited(log: PartialLog) -> Bools:
    """(n,) requests that are flagged so, and of which every model's outcome is there."""
    flagged = log.requests.audit
    if flagged is None:
        return np.zeros(len(log), dtype=np.bool_)
    dense = first_answers(log)
    there = ~(np.isnan(dense.quality) | np.isnan(dense.cost_usd))
    return np.asarray(flagged & there.all(axis=1))


def _seen(first: PartialLog, log: PartialLog, audited: Bools) -> Log:
    """What was observed of first calls, and all of audited requests."""
    seen = first_answers(first)
    if audited.any():
        every = first_answers(log)
        for name in OUTCOMES:
            getattr(seen, name)[audited] = getattr(every, name)[audited]
    return replace(seen, again=())


def _completed(seen: Log, expected: Mapping[str, Floats]) -> Log:
    """What scorers learn from: outcomes, and where there is none what is expected of it.

    On RouteLLM's log a policy so learned gains 3.7 points, and 1.1 by models of each column's few
    outcomes alone: what models share is told by those that answered often.
    """
    fields = {}
    for name, values in expected.items():
        known = getattr(seen, name)
        likely = np.clip(values, 0.0, 1.0 if name == "quality" else np.inf)
        above = known[known > 0]
        least = float(above.min()) if name != "quality" and len(above) else 0.0
        fields[name] = np.where(np.isnan(known), np.maximum(likely, least), known)
    return replace(
        seen,
        quality=np.asfortranarray(fields["quality"]),
        cost_usd=np.asfortranarray(fields.get("cost_usd", seen.cost_usd)),
        latency_s=np.asfortranarray(fields.get("latency_s", seen.latency_s)),
    )


def _expected(seen: Log, seed: int) -> Floats | None:
    """(n, d) what scorers say of every model's quality and cost, held out of their own fits.

    None where nothing can be learned: outcome models go by what the log says of requests then.
    """
    found = []
    for target in ("quality", "cost"):
        try:
            fitted = learning.fit(seen, target=target, models=seen.models, seed=seed, name=target)
        except LearningError:
            continue
        found.append(fitted.held_out[target])
    return np.column_stack(found) if found else None


def _without_support(log: LoggedDecisions, wanted: Sequence[str] | None) -> dict[str, str]:
    """Why models have no scores, by model.

    Raises:
        LogError: of one that is wanted, or all but one.
    """
    cheap = SNDR(CrossFit(MeanByTask()))
    refused = {}
    for column, name in enumerate(log.models):
        if wanted is not None and name not in wanted:
            continue
        target = TargetDecisions(np.full(len(log), column), name=name)
        found: PolicyEstimate = cheap.value(log, target)
        if found.refusal:
            more = explorations(log, target)
            mend = f" What would tell: {more[len(more) // 2]}." if more else ""
            refused[name] = f"{found.refusal}{mend}"
    left = [name for name in wanted or log.models if name not in refused]
    if refused and (wanted is not None or len(left) < 2):
        raise LogError(
            *(f"{log.name}: {name}: {why}" for name, why in refused.items()),
            *([] if wanted is not None else [f"{log.name}: routing needs two models with support"]),
        )
    return refused


def _table(log: LoggedDecisions, outcome: str, how: CrossFit) -> Floats:
    """(n, k) what is expected of every model of the log."""
    asked = (TargetDecisions(np.full(len(log), it)) for it in range(len(log.models)))
    return np.column_stack([how.expectations(log, it, outcome).start for it in asked])


def _scores(log: LoggedDecisions, models: Sequence[str], outcome: str, fit: _Fitted) -> Floats:
    """(n, m) in Fortran order; NaN where the log does not have the outcome of all first calls."""
    found = np.full((len(log), len(models)), np.nan, order="F")
    if outcome not in fit.expected:
        return found
    for column, name in enumerate(models):
        target = TargetDecisions(np.full(len(log), log.models.index(name)), name=name)
        weights = path_weights(log, target)
        found[:, column] = DR(fit).scores(log, target, outcome, weights).each
    return found
