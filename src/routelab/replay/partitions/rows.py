"""The comparable requests of one part, batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Bools
from routelab.logs import LogBatches
from routelab.logs.model import Log
from routelab.replay.coverage import Coverage, comparable


class PartitionPart(NamedTuple):
    """One part of one file, for a task that reads it.

    Attributes:
        wanted: (n,) which requests of the file belong to the part.
        buckets: (n,) of the file's requests; None where no intervals are asked for.
        start: number of the file's first request in the log.
    """

    batches: LogBatches
    file: int
    start: int
    wanted: Bools
    buckets: npt.NDArray[np.uint16] | None
    candidates: tuple[str, ...]


class Batch(NamedTuple):
    """Some comparable requests.

    Attributes:
        log: their outcomes, of the candidates only.
        rows: (n,) their numbers in the file.
        coverage: what was left out of the batch.
    """

    log: Log
    rows: npt.NDArray[np.intp]
    coverage: Coverage


def batches(part: PartitionPart, also: Collection[str] = ()) -> Iterator[Batch]:
    """Comparable requests as `routelab.replay.comparison_set` finds them.

    Args:
        also: columns of requests to read.
    """
    for first, log in part.batches.logs(part.file, part.wanted, also=also):
        here = np.flatnonzero(part.wanted[first : first + len(log)])
        if not len(here):
            continue
        priced = [name for name in log.extra_usd if name in log.signals]
        if _complete(log) and not priced:
            found = Coverage(here, 0, {})
        else:
            found = comparable(log, part.candidates, here, priced)
        whole = len(found.rows) == len(log)
        kept = log if whole else log.take(found.rows)
        outcomes = kept if kept.models == part.candidates else kept.only(part.candidates)
        yield Batch(outcomes, found.rows + first, found)


def _complete(log: Log) -> bool:
    """Whether every row can be compared, found out faster than which ones."""
    known = np.isfinite(log.quality.sum() + log.cost_usd.sum())
    return bool(known) and log.requests.audit is None
