"""Run a policy over a log: every call's cost counts, and the generator is the definition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core.catalogue import Catalogue
from routelab.core.policy import Policy
from routelab.core.table import Bools, Ints, Stage, Table
from routelab.errors import LogError
from routelab.logs.log import Log
from routelab.replay.result import Replay, nothing_yet
from routelab.replay.single import run_generator

BLOCK = 1 << 14
"""Requests handled at once, so that temporaries stay in the processor's cache."""


def run(policy: Policy, log: Log, *, catalogue: Catalogue | None = None, seed: int = 0) -> Replay:
    """Replay a policy, by its batch form where the kind has one.

    Args:
        catalogue: rules out models that lack a request's needs; default the log's.
        seed: of the policy's random draws.
    Raises:
        LogError: the log lacks a model or a signal of the policy.
    """
    table = table_of(policy, log, catalogue=catalogue, seed=seed)
    result = nothing_yet(log.models, len(log))
    for start in range(0, len(log), BLOCK):
        rows = slice(start, min(start + BLOCK, len(log)))
        stages = policy.replay_batch(table.block(rows.start, rows.stop))
        if stages is None:
            return run_generator(policy, log, catalogue=catalogue, seed=seed)
        _account(stages, log, rows, result)
    return result


def table_of(
    policy: Policy, log: Log, *, catalogue: Catalogue | None = None, seed: int = 0
) -> Table:
    """The arrays a batch form sees.

    Raises:
        LogError: the log lacks a model or a signal of the policy.
    """
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
    signals = {name: log.signals[name] for name in policy.signals_used}
    allowed = _allowed(log, catalogue or log.catalogue)
    return Table(log.requests.id, log.models, signals, allowed, seed)


def _allowed(log: Log, catalogue: Catalogue | None) -> Bools | None:
    """(n, m) capability mask; None when nothing is ruled out."""
    if catalogue is None or log.requests.needs is None:
        return None
    masks: dict[tuple[str, ...], list[bool]] = {}
    for needs in log.requests.needs:
        if needs not in masks:
            masks[needs] = [not catalogue.model(name).missing(needs) for name in log.models]
    if all(all(mask) for mask in masks.values()):
        return None
    return np.array([masks[needs] for needs in log.requests.needs], dtype=np.bool_, order="F")


def _account(stages: Sequence[Stage], log: Log, rows: slice, result: Replay) -> None:
    """Add up what the stages cost and deliver, into these rows of the result."""
    answered, calls = result.answered[rows], result.calls[rows]
    cost, latency = result.cost_usd[rows], result.latency_s[rows]
    quality = result.quality[rows]
    failed = np.zeros(len(answered), dtype=np.bool_)
    for column, asked, need in stages:
        key = (rows, column)
        paid = log.cost_usd[key] if need is None else log.cost_with(need, key)
        if asked.all():
            cost += paid
            latency += log.latency_s[key]
            quality[:] = log.quality[key]
            answered[:] = column
            failed[:] = log.error[key]
        else:
            cost += np.where(asked, paid, 0.0)
            latency += np.where(asked, log.latency_s[key], 0.0)
            np.copyto(quality, log.quality[key], where=asked)
            np.copyto(answered, column, where=asked)
            np.copyto(failed, log.error[key], where=asked)
        calls += asked
    latency[calls == 0] = np.nan
    if failed.any():
        _deliver_earlier(stages, log, rows, result, np.flatnonzero(failed))


def _deliver_earlier(
    stages: Sequence[Stage], log: Log, rows: slice, result: Replay, failed: Ints
) -> None:
    """Where the final call failed, deliver the most confident earlier answer, if any."""
    best = np.full(len(failed), -np.inf)
    result.answered[rows][failed] = -1
    result.quality[rows][failed] = 0.0
    for column, asked, need in stages:
        here = asked[failed] & ~log.error[rows, column][failed]
        confidence = np.full(len(failed), -np.inf)
        if need is not None:
            seen = log.signals[need][rows, column][failed]
            confidence = np.where(np.isnan(seen), -np.inf, seen)
        better = here & (confidence >= best)
        best[better] = confidence[better]
        result.answered[rows][failed[better]] = column
        result.quality[rows][failed[better]] = log.quality[rows, column][failed[better]]
