"""Partial logs as estimators read them."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import LogError
from routelab.estimators.logged_decisions import LoggedDecisions, LoggingPolicy, Outcome
from routelab.logs.model import PartialLog
from routelab.stats import independence

_SURE = 1e-3
"""P-value below which judged requests are taken to differ from the others."""


def logged_decisions(
    log: PartialLog,
    *,
    policy: LoggingPolicy | None = None,
    features: Floats | None = None,
    labels: Floats | None = None,
    estimated: bool = False,
) -> LoggedDecisions:
    """The decisions of a partial log, with all that outcome models may learn from.

    Outcomes of a path are sums over its calls in USD and seconds; the quality of the logging
    policy's decision is that of its last answer that did not fail, and 0 where all failed.

    Args:
        log: with propensities, unless `policy` is given.
        policy: the logging policy's probabilities along the log, which take the place of logged
            propensities.
        features: (n, d) finite numbers about requests; default the length of the prompt, where the
            log has prompts.
        labels: (s,) answers that each label stands for, where the log's quality is a judge's that
            labels correct; `judge_corrected` gives it.
        estimated: propensities are to be estimated (`PropensityFit`), so that a log without any
            will do; until then every call has 1.
    Raises:
        LogError: everything that is wrong with the log.
    """
    if policy is None and not estimated and np.isnan(log.propensity).all():
        raise LogError(
            f"{log.name}: has no propensities, so nobody knows which decisions it could have taken;"
            " give the policy that made it as `logged_by`, log a column `propensity`, or have them"
            " estimated (`propensity_fit`)"
        )
    starts = np.flatnonzero(np.diff(log.request, prepend=-1))
    ends = np.append(starts[1:], len(log.request)) - 1
    gaps = np.flatnonzero((np.diff(log.request) == 0) & (np.diff(log.step) != 1))
    if len(gaps) or bool((log.step[starts] != 0).any()):
        row = int(gaps[0]) if len(gaps) else int(starts[np.flatnonzero(log.step[starts])[0]])
        raise LogError(
            f"{log.name}: request {log.requests.id[log.request[row]]!r} lacks a step; every call of"
            " a request needs a row, numbered 0, 1, 2: of a decision with a part missing nobody"
            " knows the probability"
        )
    return LoggedDecisions(
        models=log.models,
        request=log.request,
        model=log.model,
        propensity=_propensity(log, policy, starts, estimated),
        outcomes=_outcomes(log, starts, ends, labels),
        ended=log.ended if policy is None else policy.end[ends],
        groups=log.requests.group,
        task=_tasks(log),
        features=_lengths(log) if features is None else features,
        seen=_signals(log),
        policy=policy,
        source="logged" if policy is None else "construction",
        name=log.name,
    )


def judged_part(log: LoggedDecisions) -> tuple[LoggedDecisions, str]:
    """The requests whose delivered answer was judged, and a note on what that takes for granted.

    Raises:
        LogError: none was, or which ones were depends on the model that answered.
    """
    judged = ~np.isnan(log.outcome("quality").logged)
    count = int(judged.sum())
    if count == len(log):
        return log, ""
    if not count:
        raise LogError(f"{log.name}: no answer was judged, so that no quality is known")
    answered = log.model[log.ends]
    table = [np.bincount(answered[it], minlength=len(log.models)) for it in (judged, ~judged)]
    tail = independence(table)
    if tail < _SURE:
        shares = table[0] / np.maximum(table[0] + table[1], 1)
        shown = ", ".join(
            f"{share:.1%} of {model}"
            for model, share, row in zip(log.models, shares, table[0] + table[1], strict=True)
            if row
        )
        raise LogError(
            f"{log.name}: which answers were judged depends on the model ({shown}; p = {tail:.1g}),"
            " so the judged ones do not stand for the others; judge a random sample of all"
        )
    note = (
        f"quality rests on the {count:,} of {len(log):,} requests that were judged, as if chance"
        " alone had picked them"
    )
    return log.take(np.flatnonzero(judged)), note


def _propensity(
    log: PartialLog, policy: LoggingPolicy | None, starts: Ints, estimated: bool
) -> Floats:
    if policy is not None:
        return _chances(log, policy, starts)
    return np.ones(len(log.request)) if estimated else log.propensity


def _chances(log: PartialLog, policy: LoggingPolicy, starts: Ints) -> Floats:
    """(s,) probabilities of the calls made, by the policy that is said to have made them.

    Raises:
        LogError: it could not have made some of them.
    """
    chance = np.empty(len(log.request))
    chance[starts] = policy.first[np.arange(len(starts)), log.model[starts]]
    later = np.setdiff1d(np.arange(len(log.request)), starts, assume_unique=True)
    chance[later] = policy.after[later - 1, log.model[later]]
    off = np.flatnonzero(chance <= 0)
    if len(off):
        row = int(off[0])
        raise LogError(
            f"{log.name}: the policy given as `logged_by` would never have made {len(off):,} of the"
            f" {len(chance):,} calls, such as {log.models[log.model[row]]!r} on request"
            f" {log.requests.id[log.request[row]]!r}; another policy made this log"
        )
    return np.minimum(chance, 1.0)


def _outcomes(
    log: PartialLog, starts: Ints, ends: Ints, labels: Floats | None
) -> dict[str, Outcome]:
    """Those of which anything is known."""
    found = {}
    if not np.isnan(log.quality).all():
        quality = np.where(log.error, 0.0, log.quality)
        good = np.where(log.error, -1, np.arange(len(log.request)))
        last = np.maximum.reduceat(good, starts)  # a failed last call delivers an earlier answer
        delivered = np.where(last >= 0, quality[np.maximum(last, 0)], 0.0)
        found["quality"] = Outcome(quality, delivered, labels=labels)
    for name, values in (("cost_usd", log.cost_usd), ("latency_s", log.latency_s)):
        if not np.isnan(values).all():
            running = _running(values, starts)
            found[name] = Outcome(running, running[ends], of_answer=False, high=np.inf)
    return found


def _running(values: Floats, starts: Ints) -> Floats:
    """(s,) sums over a request's calls up to each, added in call order."""
    total = values.copy()
    place = np.arange(len(values)) - np.repeat(starts, np.diff(starts, append=len(values)))
    for depth in range(1, int(place.max()) + 1):
        here = np.flatnonzero(place == depth)
        total[here] += total[here - 1]
    return total


def _tasks(log: PartialLog) -> Ints | None:
    if log.requests.task is None:
        return None
    names = log.requests.task.astype(str)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _lengths(log: PartialLog) -> Floats | None:
    return None if log.texts is None else np.log1p(log.prompt_keys[1].astype(np.float64))[:, None]


def _signals(log: PartialLog) -> Floats | None:
    """(s, d) each signal, 0 where it is missing, and whether it is; and whether the call failed."""
    columns = [log.error.astype(np.float64)]
    for values in log.signals.values():
        missing = np.isnan(values)
        columns += [np.where(missing, 0.0, values), missing.astype(np.float64)]
    return np.stack(columns, axis=1)
