"""Order statistics of times that nobody holds at once: exact, in two more passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.logs import LogBatches
from routelab.replay.partitions.survey import FileSurvey
from routelab.replay.partitions.workers import Workers

_BINS = 1 << 16


def higher(
    batches: LogBatches, seen: Sequence[FileSurvey], workers: Workers, shares: Sequence[float]
) -> list[float]:
    """`np.quantile(times, shares, method="higher")` over all files.

    A histogram says in which bin each quantile lies, and only the times of those bins are
    then collected, with how often each occurs.
    """
    n = sum(it.requests for it in seen)
    ranks = [int(np.ceil((n - 1) * share)) for share in shares]
    low = min(it.extremes[0] for it in seen if it.extremes)
    high = max(it.extremes[1] for it in seen if it.extremes)
    files = range(len(batches.files))
    counts = sum(workers.map(_histogram, [(batches, file, low, high) for file in files]))
    assert isinstance(counts, np.ndarray)
    below = np.concatenate([[0], np.cumsum(counts)])
    bins = sorted({int(np.searchsorted(below, rank, side="right")) - 1 for rank in ranks})
    jobs = [(batches, file, low, high, tuple(bins)) for file in files]
    values, times = zip(*workers.map(_inside, jobs), strict=True)
    distinct, code = np.unique(np.concatenate(values), return_inverse=True)
    often = np.bincount(code, np.concatenate(times))
    return [_at(rank, below, distinct, often, (low, high)) for rank in ranks]


def _at(
    rank: int,
    below: Ints,
    distinct: Floats,
    often: npt.NDArray[Any],
    ends: tuple[float, float],
) -> float:
    mine = int(np.searchsorted(below, rank, side="right")) - 1
    here = _bin(distinct, *ends) == mine
    past = np.cumsum(often[here])
    return float(distinct[here][np.searchsorted(past, rank - below[mine], side="right")])


def _bin(times: Floats, low: float, high: float) -> Ints:
    """(n,) bin of each time; rounding keeps the order of times."""
    width = (high - low) / _BINS
    if width == 0.0:
        return np.zeros(len(times), dtype=np.int64)
    return np.minimum(((times - low) / width).astype(np.int64), _BINS - 1)


def _times(batches: LogBatches, file: int) -> Floats:
    found = batches.times(file)
    if found is None:
        found = np.concatenate([log.requests.timestamp_s for _, log in batches.logs(file)])
    return np.asarray(found)


def _histogram(job: tuple[LogBatches, int, float, float]) -> Ints:
    batches, file, low, high = job
    return np.bincount(_bin(_times(batches, file), low, high), minlength=_BINS)


def _inside(job: tuple[LogBatches, int, float, float, tuple[int, ...]]) -> tuple[Floats, Ints]:
    batches, file, low, high, bins = job
    times = _times(batches, file)
    values, counts = np.unique(times[np.isin(_bin(times, low, high), bins)], return_counts=True)
    return values, counts
