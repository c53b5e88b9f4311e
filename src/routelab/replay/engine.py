"""Run a policy over a log: every call's cost counts, and the generator is the definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from routelab.core import Bools, CallEstimate, Ints, Policy, Scoring, Stage, Table
from routelab.core.catalogue import Catalogue
from routelab.logs.model import Log
from routelab.replay.generator import check, run_generator
from routelab.replay.request_cache import RequestCache, bounded, calls_usd
from routelab.replay.result import Replay, nothing_yet

BLOCK = 1 << 14
"""Requests handled at once, so that temporaries stay in the processor's cache."""


def run(
    policy: Policy,
    log: Log,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    scoring: Scoring | None = None,
    estimates: Mapping[str, CallEstimate] | None = None,
    cache: RequestCache | None = None,
    means_only: bool = False,
) -> Replay:
    """Replay a policy, by its batch form where the kind has one and no request has a bound.

    >>> import routelab
    >>> from routelab.policies import Cascade
    >>> log = routelab.read("datasets/sample.parquet")
    >>> cascade = Cascade(("small-8b", "frontier"), (0.8,), "confidence")
    >>> replayed = routelab.replay.run(cascade, log)
    >>> f"{replayed.quality.mean():.3f} at {1000 * replayed.cost_usd.mean():.2f} USD per 1,000"
    '0.911 at 2.90 USD per 1,000'
    >>> f"{(replayed.calls > 1).mean():.1%} of requests asked a second model"
    '60.7% of requests asked a second model'

    Args:
        policy: that decides; of a loaded directory, its `.policy`.
        log: of outcomes (n, m) that answer its calls.
        catalogue: rules out models that lack a request's needs; default the log's.
        seed: of the policy's random draws.
        scoring: the scorers that the policy names.
        estimates: of calls, for requests with a budget or a deadline.
        cache: of this log and these scorers, to share what earlier replays computed.
        means_only: leave out who answered, calls and latency where that saves time: of the
            result only quality and cost count.
    Raises:
        LogError: the log lacks a model, a signal or prompts that the policy needs.
        PolicyError: it is no policy, but a directory's or a path; or a scorer that the policy
            names is not there, or is another.
    """
    cache = cache or RequestCache(log, scoring)
    table = table_of(policy, log, catalogue=catalogue, seed=seed, cache=cache)
    result = nothing_yet(log.models, len(log))
    limited = bool(bounded(log).any())
    account = _account_means if means_only and not log.error.any() else _account
    for start in range(0, len(log), BLOCK):
        rows = slice(start, min(start + BLOCK, len(log)))
        stages = None if limited else policy.replay_batch(table.block(rows.start, rows.stop))
        if stages is None:
            return run_generator(
                policy, log, catalogue=catalogue, seed=seed, estimates=estimates, cache=cache
            )
        account(stages, log, rows, result)
    return result


def stage_outcomes(stages: Sequence[Stage], log: Log, rows: slice) -> Replay:
    """What the stages of some requests (k) come to.

    Args:
        stages: of a batch form, over these requests.
        log: of outcomes (n, m).
        rows: which requests they are.
    """
    result = nothing_yet(log.models, rows.stop - rows.start)
    part = log.take(np.arange(rows.start, rows.stop))
    _account(stages, part, slice(0, len(result)), result)
    return result


def table_of(
    policy: Policy,
    log: Log,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    scoring: Scoring | None = None,
    cache: RequestCache | None = None,
) -> Table:
    """The arrays a batch form sees.

    Args:
        policy: to replay, which says what is needed.
        log: outcomes (n, m).
        catalogue: rules out models that lack a request's needs; default the log's.
        seed: of the policy's random draws.
        scoring: the scorers that the policy names.
        cache: of this log and these scorers, to share what earlier replays computed.
    Raises:
        LogError: the log lacks a model, a signal or prompts that the policy needs.
        PolicyError: a scorer that the policy names is not there, or is another.
    """
    cache = cache or RequestCache(log, scoring)
    check(policy, cache)
    return Table(
        ids=log.requests.id,
        models=log.models,
        signals={name: log.signals[name] for name in policy.signals_used},
        allowed=_allowed(cache, catalogue or log.catalogue),
        seed=seed,
        failed=log.error,
        scores=cache.scores,
        after=cache.after,
        outputs=cache.outputs,
        about=cache.about,
    )


def _allowed(cache: RequestCache, catalogue: Catalogue | None) -> Bools | None:
    """(n, m) which models have every capability and room for the prompt; None for all."""
    if catalogue is None:
        return None
    able, room = _able(cache.log, catalogue), _room(cache, catalogue)
    if able is None or room is None:
        return room if able is None else able
    return np.asfortranarray(able & room)


def _able(log: Log, catalogue: Catalogue) -> Bools | None:
    """(n, m) capability mask; None when nothing is ruled out."""
    if log.requests.needs is None:
        return None
    masks: dict[tuple[str, ...], list[bool]] = {}
    for needs in log.requests.needs:
        if needs not in masks:
            masks[needs] = [not catalogue.model(name).missing(needs) for name in log.models]
    if all(all(mask) for mask in masks.values()):
        return None
    return np.array([masks[needs] for needs in log.requests.needs], dtype=np.bool_, order="F")


def _room(cache: RequestCache, catalogue: Catalogue) -> Bools | None:
    """(n, m) whether the prompt fits the context window beside a candidate's prefix.

    None when all do.
    """
    given = [catalogue.model(name).prompt_window for name in cache.log.models]
    windows = np.array([np.inf if it is None else it for it in given])
    shortest = float(windows.min())
    if shortest == np.inf:
        return None
    tokens = cache.tokens[shortest]
    return tokens[:, None] <= windows if (tokens > shortest).any() else None


def _account(stages: Sequence[Stage], log: Log, rows: slice, result: Replay) -> None:
    """Add up what the stages cost and deliver, into these rows of the result."""
    answered, calls = result.answered[rows], result.calls[rows]
    cost, latency = result.cost_usd[rows], result.latency_s[rows]
    quality = result.quality[rows]
    failed = np.zeros(len(answered), dtype=np.bool_)
    for stage in stages:
        column, asked, key = stage.model, stage.rows, (rows, stage.model)
        every, broken = bool(asked.all()), log.error[key]
        if not stage.again:
            paid, took = calls_usd(log, stage.needs, key), log.latency_s[key]
            cost += paid if every else np.where(asked, paid, 0.0)
            latency += took if every else np.where(asked, took, 0.0)
            calls += asked
        # `where` and a copy take half the time of `copyto` with a mask.
        quality[:] = log.quality[key] if every else np.where(asked, log.quality[key], quality)
        answered[:] = column if every else np.where(asked, column, answered)
        if broken.any() or failed.any():
            failed[:] = np.where(asked, broken, failed)
    latency[calls == 0] = np.nan
    if failed.any():
        _deliver_earlier(stages, log, rows, result, np.flatnonzero(failed))


def _account_means(stages: Sequence[Stage], log: Log, rows: slice, result: Replay) -> None:
    """`_account` of cost and quality alone, where no call fails: half the work."""
    cost, quality = result.cost_usd[rows], result.quality[rows]
    for stage in stages:
        asked, key = stage.rows, (rows, stage.model)
        every = bool(asked.all())
        if not stage.again:
            paid = calls_usd(log, stage.needs, key)
            cost += paid if every else np.where(asked, paid, 0.0)
        quality[:] = log.quality[key] if every else np.where(asked, log.quality[key], quality)


def _deliver_earlier(
    stages: Sequence[Stage], log: Log, rows: slice, result: Replay, failed: Ints
) -> None:
    """Where the final call failed, deliver the most confident earlier answer, if any."""
    best = np.full(len(failed), -np.inf)
    result.answered[rows][failed] = -1
    result.quality[rows][failed] = 0.0
    for stage in stages:
        column = stage.model
        here = stage.rows[failed] & ~log.error[rows, column][failed]
        confidence = np.full(len(failed), -np.inf)
        for need in reversed(stage.needs):
            seen = log.signals[need][rows, column][failed]
            confidence = np.where(np.isnan(seen), confidence, seen)
        better = here & (confidence >= best)
        best[better] = confidence[better]
        result.answered[rows][failed[better]] = column
        result.quality[rows][failed[better]] = log.quality[rows, column][failed[better]]
