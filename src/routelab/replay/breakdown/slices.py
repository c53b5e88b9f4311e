"""The policy against the best single model, on requests that have something in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.logs.model import Log, Strings
from routelab.replay.breakdown.clusters import FEWEST, paired
from routelab.replay.breakdown.shape import Slice, SliceBy
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.result import Replay
from routelab.signals import script

MOST = 200
"""Slices of one kind, at most: those with the largest loss."""

LENGTHS = 5
"""Ranges of prompt length, of about equally many requests."""

_READ = 1 << 14  # prompts in memory at once
_NO_VALUE = "not given"


class _Kind(NamedTuple):
    """One way to slice: what its slices are called, and (n,) the slice of each request."""

    by: SliceBy
    names: Sequence[str]
    codes: Ints


def slices(replay: Replay, best: Replay, comparison: ComparisonSet) -> tuple[Slice, ...]:
    """Slices by task, tenant, length and script, as far as the log has them.

    Args:
        replay, best: of the policy and of the best single model, on this comparison.
    """
    return tuple(
        one
        for kind in _kinds(comparison.log)
        for one in _slices(kind, replay, best, comparison.groups)
    )


def _kinds(log: Log) -> Iterator[_Kind]:
    if log.requests.task is not None:
        yield _named("task", log.requests.task)
    if log.requests.tenant is not None:
        yield _named("tenant", log.requests.tenant)
    if log.texts is not None:
        yield _lengths(log.prompt_keys[1])
        yield _named("language", _scripts(log))


def _named(by: SliceBy, values: Strings | Sequence[str]) -> _Kind:
    known: dict[object, int] = {}
    codes = [known.setdefault(value, len(known)) for value in values]
    return _Kind(by, [str(name) or _NO_VALUE for name in known], np.array(codes, dtype=np.int64))


def _lengths(length: Ints) -> _Kind:
    """Ranges of characters, named by the shortest and the longest prompt in each."""
    inner = np.arange(1, LENGTHS) / LENGTHS
    edges = np.unique(np.quantile(length, inner, method="inverted_cdf"))
    _, codes = np.unique(np.searchsorted(edges, length), return_inverse=True)
    members = (length[codes == code] for code in range(codes.max() + 1))
    names = [f"{it.min():,} to {it.max():,} characters" for it in members]
    return _Kind("length", names, codes)


def _scripts(log: Log) -> list[str]:
    assert log.texts is not None
    blocks = (np.arange(at, min(at + _READ, len(log))) for at in range(0, len(log), _READ))
    return [script(prompt) for rows in blocks for prompt in log.texts.prompts(rows)]


def _slices(kind: _Kind, replay: Replay, best: Replay, groups: Ints) -> list[Slice]:
    count = len(kind.names)
    n = np.bincount(kind.codes, minlength=count)

    def mean(values: Floats | Bools) -> Floats:
        return np.asarray(np.bincount(kind.codes, values, minlength=count) / n)

    loss = best.quality - replay.quality
    _, low, high = paired(loss, kind.codes, count, groups)
    quality, best_quality = mean(replay.quality), mean(best.quality)
    usd, escalated = 1000 * mean(replay.cost_usd), mean(replay.calls > 1)
    share = [mean(replay.answered == column) for column in range(len(replay.models))]
    large = [code for code in range(count) if n[code] >= FEWEST]
    worst = best_quality - quality
    ranked = sorted(large, key=lambda code: (-worst[code], kind.names[code]))[:MOST]
    return [
        Slice(
            by=kind.by,
            value=kind.names[code],
            n_requests=int(n[code]),
            quality=float(quality[code]),
            usd_per_1k=float(usd[code]),
            escalation_rate=float(escalated[code]),
            model_share={
                model: float(part[code]) for model, part in zip(replay.models, share, strict=True)
            },
            best_quality=float(best_quality[code]),
            loss=float(worst[code]),
            loss_ci=(float(low[code]), float(high[code])),
        )
        for code in ranked
    ]
