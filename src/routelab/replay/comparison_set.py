"""What policies are compared on: the same rows, candidates and resamples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from routelab.core import CallEstimate, Floats, Ints, Policy, Scoring
from routelab.core.catalogue import Catalogue
from routelab.core.messages import short_repr
from routelab.errors import UncoveredError
from routelab.logs.model import PARTS, Log, Split
from routelab.metrics import exact_mean
from routelab.policies import Fixed
from routelab.replay.baselines import LearnedRouters, learned_routers
from routelab.replay.coverage import NOTHING, Coverage, RestOfLog, comparable, coverage, rest_of_log
from routelab.replay.engine import run
from routelab.replay.generator import decide
from routelab.replay.request_cache import RequestCache
from routelab.replay.result import Replay
from routelab.stats import block_length, effective_groups

JUDGED = ("calibrate", "test")
"""Parts on which baselines read prompts; the others are only searched on, again and again."""

COMPUTED = ("cache", "learned", "resampled")
"""Attributes that are worked out when they are first asked for."""
SEARCHED = "searched"
"""All parts that a study searched on, where a part of its log is asked for."""

_TUNE = "tune"
"""What these rows are called: in figures and tables, tune is what a study was tuned on."""


@short_repr
@dataclass(frozen=True, eq=False)
class ComparisonSet:
    """Comparable rows of one part of a log.

    Attributes:
        part: name of the part.
        log: covered rows with the candidates' outcomes only.
        groups: (n,) label of what is resampled together.
        coverage: what was left out.
        catalogue: capabilities and prices of the candidates.
        seed: of random draws and resamples.
        reference: covered rows of the parts before this one, from which baselines may learn;
            None where the log was never split for learning, or no row of it is covered.
        scoring: the scorers that policies name.
        estimates: of calls, for requests with a budget or a deadline.
        gone: models that policies may call and nobody may choose; the last of the log.
        rest: what the log holds besides these rows.
    """

    part: str
    log: Log
    groups: Ints
    coverage: Coverage
    catalogue: Catalogue
    seed: int
    reference: Log | None = None
    scoring: Scoring | None = None
    estimates: Mapping[str, CallEstimate] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    rest: RestOfLog = NOTHING

    @cached_property
    def cache(self) -> RequestCache:
        """Prompts and scores of these rows, each computed once."""
        return RequestCache(self.log, self.scoring)

    @cached_property
    def learned(self) -> LearnedRouters:
        """Untuned routers that learned from the reference."""
        if self.reference is None:
            return LearnedRouters({}, {})
        prompts = self.part in JUDGED
        return learned_routers(self.reference, self.log, self.fixed(), prompts=prompts)

    @cached_property
    def resampled(self) -> dict[bytes, Floats]:
        """Means in resamples of these rows, by a digest of what was resampled."""
        return {}

    @property
    def models(self) -> tuple[str, ...]:
        """The candidates."""
        return self.log.models[: len(self.log.models) - len(self.gone)]

    def __getstate__(self) -> dict[str, object]:
        """For other processes: without what was computed, which cannot travel."""
        return {name: value for name, value in vars(self).items() if name not in COMPUTED}

    def replay(self, policy: Policy, *, means_only: bool = False) -> Replay:
        """What a policy does on these rows.

        Args:
            policy: to replay.
            means_only: only quality and cost of the result count, which takes half the time.
        Raises:
            UncoveredError: on some of them it asks for what the log cannot know.
        """
        how: dict[str, Any] = {
            "catalogue": self.catalogue,
            "seed": self.seed,
            "estimates": self.estimates,
            "cache": self.cache,
        }
        replayed = run(policy, self.log, means_only=means_only, **how)
        unknown = np.flatnonzero(~replayed.covered)
        if len(unknown):
            raise UncoveredError(
                f"{self.log.name}: on {len(unknown)} of {len(self.log)} requests the policy asks"
                f" for what the log cannot know{_example(policy, self.log, unknown, how)}"
            )
        return replayed

    def with_scoring(self, scoring: Scoring) -> ComparisonSet:
        """These rows, for policies that name these scorers."""
        return replace(self, scoring=scoring)

    def fixed(self) -> list[Replay]:
        """What each candidate alone does on these rows, as far as it may serve them.

        A request that a candidate is ruled out from goes where a user would send it: to the
        cheapest dearer candidate that may serve it, else to the dearest cheaper one, by mean
        cost. Only a request that no candidate may serve has quality 0 at cost 0.
        """
        alone = [self.replay(Fixed(name)) for name in self.models]
        if all((replay.calls > 0).all() for replay in alone):
            return alone
        cost = [exact_mean(self.log.cost_usd[:, column]) for column in range(len(alone))]
        rising = sorted(range(len(alone)), key=cost.__getitem__)
        asked = {it: [*rising[at:], *rising[:at][::-1]] for at, it in enumerate(rising)}
        return [reduce(_backed, [alone[i] for i in asked[it]]) for it in range(len(alone))]

    def some(self, rows: Ints) -> ComparisonSet:
        """Some of these rows (k,), for what holds for all: the same part and its coverage."""
        if len(rows) == len(self.log):
            return self
        left_out = replace(self.coverage, rows=self.coverage.rows[rows])
        return replace(self, log=self.log.take(rows), groups=self.groups[rows], coverage=left_out)

    def take(self, rows: Ints, part: str) -> ComparisonSet:
        """Some of these rows (k,) as a comparison set of their own, called `part`."""
        cache = self.cache.take(rows)
        taken = replace(
            self,
            part=part,
            log=cache.log,
            groups=self.groups[rows],
            coverage=Coverage(self.coverage.rows[rows], 0, {}),
        )
        vars(taken)["cache"] = cache  # what was computed for all rows holds for some
        return taken


def _example(policy: Policy, log: Log, unknown: Ints, how: Mapping[str, Any]) -> str:
    """What is asked on one of these rows, where it can be told."""
    try:
        decide(policy, log, int(unknown[0]), **how)
    except UncoveredError as error:
        return f"; for example {error}"
    return ""


def _backed(one: Replay, other: Replay) -> Replay:
    """What one did, and where it could not ask its model, what the other did."""
    ruled_out = one.calls == 0
    return Replay(
        one.models,
        np.where(ruled_out, other.answered, one.answered),
        np.where(ruled_out, other.quality, one.quality),
        np.where(ruled_out, other.cost_usd, one.cost_usd),
        np.where(ruled_out, other.latency_s, one.latency_s),
        np.where(ruled_out, other.calls, one.calls),
    )


def comparison_set(
    log: Log,
    split: Split,
    part: str | Sequence[str],
    candidates: Sequence[str],
    *,
    catalogue: Catalogue,
    seed: int,
    allow_missing: bool = False,
    learn: bool = True,
    scoring: Scoring | None = None,
    estimates: Mapping[str, CallEstimate] | None = None,
) -> ComparisonSet:
    """The comparable rows of a part ("all" for the whole log), or of several together.

    Where the log has a column for what a signal costs, rows without it are not comparable.

    Args:
        log: to take the rows from.
        split: of that log into parts.
        part: "train", "tune", "calibrate", "test" or "all"; or several that are
            searched on, together called "tune".
        candidates: models to compare, all in the log.
        catalogue: capabilities and prices of the candidates.
        seed: of random draws and resamples.
        allow_missing: compare on few rows too, where many outcomes are missing.
        learn: whether baselines may learn from the parts before this one; on train itself and
            on the whole log they learn from train.
        scoring: the scorers that policies name.
        estimates: of calls, for requests with a budget or a deadline.
    Raises:
        LogError: a candidate is not in the log, or too few rows are comparable.
    """
    priced = [name for name in log.extra_usd if name in log.signals]
    rows = split.rows(part) if isinstance(part, str) else split.rows(*part)
    found = coverage(log, candidates, rows, signals=priced, allow_missing=allow_missing)
    reference = None
    if learn and (log.requests.task is not None or log.texts is not None):
        before = np.sort(np.concatenate([split.rows(it) for it in _before(part)]))
        known = comparable(log, candidates, before, priced).rows
        reference = log.take(known).only(candidates) if len(known) else None
    here = log.take(found.rows).only(candidates)
    columns = [log.models.index(name) for name in candidates]
    return ComparisonSet(
        part if isinstance(part, str) else _TUNE,
        here,
        split.groups[found.rows],
        found,
        catalogue,
        seed,
        reference,
        scoring,
        estimates or {},
        rest=rest_of_log(log.cost_usd[:, columns], found.rows)._replace(
            even=_even_groups(split, found.rows),
            alike=_alike_outside(log, split, found.rows, columns) if part in JUDGED else 1,
        ),
    )


def _even_groups(split: Split, rows: Ints) -> float:
    """See `RestOfLog.even`: a part that a hash made may lack the largest groups of the log."""
    if split.rule != "random" or not len(rows):
        return math.inf
    whole = effective_groups(np.bincount(split.groups).astype(np.float64))
    return whole * len(rows) / len(split.groups)


def _alike_outside(log: Log, split: Split, rows: Ints, columns: Sequence[int]) -> int:
    """Requests in a row that are alike in the rest of a log that is cut in time.

    A part of a log is short, and may not show what all others do.
    """
    time = log.requests.timestamp_s
    if split.rule != "time" or time is None or len(np.unique(split.groups)) < len(split.groups):
        return 1
    outcomes = np.concatenate([log.quality[:, columns].T, log.cost_usd[:, columns].T])
    known = np.isfinite(outcomes).all(axis=0)
    known[rows] = False
    order = np.flatnonzero(known)[np.argsort(time[known], kind="stable")]
    return block_length(outcomes[:, order], np.ones(len(order))) if len(order) else 1


def _before(part: str | Sequence[str]) -> tuple[str, ...]:
    """Parts that baselines learn from."""
    at = PARTS.index(part) if part in PARTS else 0
    return PARTS[: max(at, 1)]
