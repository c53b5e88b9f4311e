"""Policies valued from a partial log: what they would come to, had they decided in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from routelab.core import Floats, Policy, Scoring
from routelab.core.catalogue import Catalogue
from routelab.errors import LogError
from routelab.estimators import (
    DEFAULT_OF_ONE_CALL,
    DEFAULT_OF_PATHS,
    Certified,
    CrossFit,
    Exploration,
    LoggedDecisions,
    LoggingPolicy,
    PolicyEstimate,
    PropensityFit,
    Ridge,
    TargetDecisions,
    estimator,
    explorations,
    judge_corrected,
    judged_part,
    logged_decisions,
)
from routelab.logs.model import PartialLog
from routelab.replay import PathDecisions, path_decisions

OUTCOMES = ("quality", "cost_usd", "latency_s")
"""What policies are valued by, as far as the log has it."""


@dataclass(frozen=True, eq=False)
class PolicyToValue:
    """A policy with all that it needs to decide.

    Attributes:
        name: for tables.
        policy: that decides.
        scoring: the scorers that it names.
        catalogue: rules out models that lack a request's needs; None for the log's.
    """

    name: str
    policy: Policy
    scoring: Scoring | None = None
    catalogue: Catalogue | None = None

    def along(self, log: PartialLog) -> PathDecisions:
        """What it would do along a log's calls."""
        return path_decisions(self.policy, log, catalogue=self.catalogue, scoring=self.scoring)


class PolicyValue(msgspec.Struct, frozen=True):
    """What a policy is worth on a partial log.

    Attributes:
        policy: its name.
        estimates: by outcome.
        lacking: by outcome, why there is no estimate at all.
        exploration: what would tell more, where an estimate is refused.
    """

    policy: str
    estimates: Mapping[str, PolicyEstimate]
    lacking: Mapping[str, str]
    exploration: tuple[Exploration, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether quality, or an outcome that the log has, has no value."""
        refused = any(it.value is None for it in self.estimates.values())
        return refused or "quality" in self.lacking


# Many arguments: what is known of a log comes in many ways.
def value(
    log: PartialLog,
    policies: Sequence[PolicyToValue],
    *,
    logged_by: PolicyToValue | None = None,
    method: str | None = None,
    judged_at_random: bool = False,
    labels: Floats | None = None,
    propensity_fit: PropensityFit | None = None,
    features: Floats | None = None,
    certified: Certified | None = None,
    folds: int = 5,
    seed: int = 0,
) -> list[PolicyValue]:
    """Value policies from a log in which only the models that were chosen answered.

    Args:
        log: of another policy's decisions, with propensities or with that policy.
        policies: to value.
        logged_by: the policy that made the log; its probabilities take the place of logged ones,
            which is right too where several of its draws lead to the same call.
        method: name of an estimator; default `sndr` where policy and log make one call a request,
            else `prefix-dr`.
        judged_at_random: rest the quality on judged requests alone, as picked by chance.
        labels: (s,) what people found answers worth, NaN where none looked: the log's quality is
            then a judge's, or another noisy score, which they correct.
        propensity_fit: estimates propensities from the features; in place of those of the log.
        features: (n, d) numbers about requests, for the outcome model; default prompts' lengths.
        certified: ask for intervals that hold at any number of requests, of quality.
        folds: of the outcome model's cross-fitting.
        seed: of their cut.
    Raises:
        LogError: the log cannot be used at all.
        RoutelabError: a policy cannot be followed along it.
    """
    if logged_by is not None and propensity_fit is not None:
        raise LogError(
            "give `logged_by` or `propensity_fit`, not both: the first needs no estimates"
        )
    corrected = None if labels is None else judge_corrected(log, labels)
    log = log if corrected is None else corrected.log
    known = logged_decisions(
        log,
        policy=_by_construction(log, logged_by),
        features=features,
        labels=None if corrected is None else corrected.weight,
        estimated=propensity_fit is not None,
    )
    audited = ""
    if propensity_fit is not None:
        known, audited = _estimated(known, propensity_fit)
    fit = CrossFit(Ridge(), folds=folds, seed=seed)
    judged, note = (known, "")
    if judged_at_random and "quality" in known.outcomes:
        judged, note = judged_part(known)
    found = [
        _valued(log, it, known, judged, note, method=method, fit=fit, certified=certified)
        for it in policies
    ]
    return [_noted(it, audited, () if corrected is None else corrected.notes) for it in found]


def _estimated(log: LoggedDecisions, fit: PropensityFit) -> tuple[LoggedDecisions, str]:
    """The log with estimated propensities, and what is to be said of them.

    Raises:
        LogError: they do not come true.
    """
    made, audit = fit.estimated(log)
    if audit.refusal:
        raise LogError(f"{log.name}: {audit.refusal}")
    return made, (
        f"propensities are estimated from the requests; features tell {audit.explained:.0%} of who"
        f" is asked, the smallest of a call is {audit.smallest:.2g}, and calibration has"
        f" p = {min((it.p_value for it in audit.models), default=1.0):.2g}"
    )


def _noted(found: PolicyValue, audited: str, labelled: Sequence[str]) -> PolicyValue:
    """The same, with what was done to the log before: to all outcomes, and to quality alone."""
    estimates = {
        name: msgspec.structs.replace(
            it,
            notes=(
                *it.notes,
                *((audited,) if audited else ()),
                *(labelled if name == "quality" else ()),
            ),
        )
        for name, it in found.estimates.items()
    }
    return msgspec.structs.replace(found, estimates=estimates)


def _by_construction(log: PartialLog, policy: PolicyToValue | None) -> LoggingPolicy | None:
    if policy is None:
        return None
    made = policy.along(log)
    return LoggingPolicy(made.first, made.after, made.end)


def target_decisions(
    made: PathDecisions, log: LoggedDecisions, name: str = "the policy"
) -> TargetDecisions:
    """A policy's decisions along a log, as estimators read them.

    Args:
        made: along the log's calls.
        log: the same calls.
        name: of the policy, for messages.
    """
    ends = {}
    for outcome in OUTCOMES:
        if outcome in log.outcomes:
            own, usual = getattr(made, outcome), log.outcomes[outcome].at_end
            merged = np.where(made.end > 0, own, usual)
            if not np.array_equal(merged, usual, equal_nan=True):
                ends[outcome] = merged
    if made.one_call:
        return TargetDecisions(made.first, at_end=ends, name=name)
    return TargetDecisions(made.first, made.after, made.end, ends, name)


def _valued(
    log: PartialLog,
    policy: PolicyToValue,
    known: LoggedDecisions,
    judged: LoggedDecisions,
    note: str,
    **how: Any,
) -> PolicyValue:
    """One policy by all outcomes; one that cannot be had does not keep back the others."""
    made = policy.along(log)
    whole = target_decisions(made, known, policy.name)
    estimates, lacking = {}, {}
    for outcome in OUTCOMES:
        if outcome not in known.outcomes:
            lacking[outcome] = f"the log has no {outcome}"
            continue
        rests_on, target = known, whole
        if outcome == "quality" and judged is not known:
            rests_on = judged
            target = target_decisions(_taken(made, known), judged, policy.name)
        try:
            found = _estimate(rests_on, target, outcome, **how)
        except LogError as error:
            lacking[outcome] = "; ".join(error.args)
            continue
        notes = (*found.notes, *((note,) if note and rests_on is judged else ()))
        estimates[outcome] = msgspec.structs.replace(found, notes=notes)
    refused = any(it.value is None for it in estimates.values())
    more = explorations(known, whole, per_day=_per_day(log)) if refused else ()
    return PolicyValue(policy.name, estimates, lacking, more)


def _estimate(
    log: LoggedDecisions,
    target: TargetDecisions,
    outcome: str,
    *,
    method: str | None,
    fit: CrossFit,
    certified: Certified | None,
) -> PolicyEstimate:
    single = log.one_call and target.one_call
    name = method or (DEFAULT_OF_ONE_CALL if single else DEFAULT_OF_PATHS)
    asked = certified if outcome == "quality" else None
    return estimator(name, fit).value(log, target, outcome, certified=asked)


def _taken(made: PathDecisions, log: LoggedDecisions) -> PathDecisions:
    """The decisions on the requests that were judged."""
    rows = ~np.isnan(log.outcome("quality").logged)
    calls = rows[log.request]
    first, *rest = made
    return PathDecisions(first[rows], *(it[calls] for it in rest))


def _per_day(log: PartialLog) -> float | None:
    """Requests that come in a day; None where the log has no times."""
    times = log.requests.timestamp_s
    if times is None or np.isnan(times).all():
        return None
    seconds = float(np.nanmax(times) - np.nanmin(times))
    return len(log) / seconds * 86_400 if seconds > 0 else None
