"""How a log in many files is cut into parts.

The cut is the one of `routelab.logs.model.splits`, request for request. What it takes is a part and
a bucket for each request, three bytes; groups that may lie in several parts take eight more
while they are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from routelab.core import Progress, uniform
from routelab.errors import LogError
from routelab.logs import LogBatches
from routelab.logs.model import PARTS, SPLIT_EDGES, of_hashes, split_keys
from routelab.replay.partitions.quantiles import higher
from routelab.replay.partitions.survey import FileSurvey, Words, words
from routelab.replay.partitions.workers import Workers

BUCKETS = 2048
"""Groups are spread over this many, which are resampled together."""

Small: TypeAlias = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class PartitionedSplit:
    """Which part of the study each request of each file belongs to.

    Attributes:
        rule, group, cuts_s: as of `routelab.logs.model.splits.Split`.
        parts: by file, (n,) index into `PARTS`; -1 where a request is dropped because its
            group began in an earlier part.
        buckets: by file, (n,) below `BUCKETS`, the same for all requests of a group.
        sha256: of the log's files.
    """

    rule: Literal["time", "random"]
    seed: int
    group: str
    cuts_s: tuple[float, ...]
    parts: Sequence[Small]
    buckets: Sequence[npt.NDArray[np.uint16]]
    sha256: str

    @property
    def n(self) -> dict[str, int]:
        """Requests in each part."""
        return {
            name: sum(int((part == at).sum()) for part in self.parts)
            for at, name in enumerate(PARTS)
        }

    @property
    def dropped(self) -> int:
        """Requests whose group began in an earlier part."""
        return sum(int((part < 0).sum()) for part in self.parts)


def cut(
    batches: LogBatches,
    seen: Sequence[FileSurvey],
    workers: Workers,
    *,
    seed: int = 0,
    group: str | None = None,
    need_all_parts: bool = True,
    progress: Progress | None = None,
) -> PartitionedSplit:
    """Cut the log .5 / .2 / .1 / .2, as `routelab.logs.model.splits.split` does.

    Args:
        batches: the log.
        seen: (files,) what the survey of each file found.
        workers: read the files again.
        seed: of the cut by hash.
        group: what is kept together; None takes the default of `split`.
        need_all_parts: refuse a cut that leaves a part empty.
        progress: told of files that are done.
    Raises:
        LogError: the grouping is unknown or not in the log, or a part is empty.
    """
    kind = _kind(batches, group)
    files = range(len(batches.files))
    timed = all(it.extremes is not None for it in seen)
    cuts: tuple[float, ...] | None = None
    if timed and len({time for it in seen for time in it.times}) >= len(PARTS):
        cuts = tuple(higher(batches, seen, workers, SPLIT_EDGES.tolist()))
    starts = np.cumsum([0, *(it.requests for it in seen)])
    jobs = [(batches, file, int(starts[file]), kind, cuts, seed) for file in files]
    found = list(workers.map(_assign, jobs, progress))
    parts = [it.part for it in found]
    if cuts is not None and kind != "id":
        parts = _together(parts, [it.key for it in found])
    made = PartitionedSplit(
        rule="random" if cuts is None else "time",
        seed=seed,
        group=kind,
        cuts_s=cuts or (),
        parts=parts,
        buckets=[it.bucket for it in found],
        sha256=of_hashes(it.sha256 for it in seen),
    )
    empty = [part for part, n in made.n.items() if n == 0]
    if empty and need_all_parts:
        raise LogError(
            f"{batches.name}: {starts[-1]} requests leave no request for {', '.join(empty)}; a log"
            " needs more requests, or smaller groups"
        )
    return made


def _kind(batches: LogBatches, group: str | None) -> str:
    if group not in (None, "group", "prompt", "task", "id"):
        raise LogError(f"unknown grouping {group!r}; choose group, prompt, task or id")
    if group is None:
        return "group" if "group" in batches.has else "prompt" if "prompt" in batches.has else "id"
    if group != "id" and group not in batches.has:
        raise LogError(f"{batches.name}: no {group} column to group by")
    return group


class _Assigned(NamedTuple):
    """Parts (n,), buckets (n,) and keys (n,) of one file; no keys where each stands alone."""

    part: Small
    bucket: npt.NDArray[np.uint16]
    key: Words


def _assign(job: tuple[LogBatches, int, int, str, tuple[float, ...] | None, int]) -> _Assigned:
    batches, file, start, kind, cuts, seed = job
    if kind == "id" and cuts is not None:
        time = batches.times(file)
        if time is not None:
            part = np.searchsorted(cuts, time, side="right").astype(np.int8)
            return _Assigned(part, _scattered(start, len(part)), np.empty(0, np.uint64))
    also = {"request_id", kind} - {"id"}
    keys, times = [], []
    for _, log in batches.logs(file, also=also):
        keys.append(split_keys(log, kind)[1])
        times += [] if log.requests.timestamp_s is None else [log.requests.timestamp_s]
    key = [str(it) for found in keys for it in found]
    hashed = words(key)
    if cuts is None:
        units = np.fromiter((uniform(seed, it, "split") for it in key), np.float64, len(key))
        part = np.searchsorted(SPLIT_EDGES, units, side="right")
    else:
        time = batches.times(file)
        time = np.concatenate(times) if time is None else time
        part = np.searchsorted(cuts, time, side="right")
    bucket = _scattered(start, len(key)) if kind == "id" else (hashed % BUCKETS).astype(np.uint16)
    return _Assigned(part.astype(np.int8), bucket, hashed if cuts and kind != "id" else hashed[:0])


def _scattered(start: int, n: int) -> npt.NDArray[np.uint16]:
    """Buckets of requests that stand alone, by their number in the log."""
    return (mixed(start, n) % np.uint64(BUCKETS)).astype(np.uint16)


def mixed(start: int, n: int) -> Words:
    """(n,) hashes of the numbers of requests in the log, from `start`.

    Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
    """
    word = np.arange(start, start + n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(word ^ (word >> np.uint64(31)))


def _together(parts: Sequence[Small], keys: Sequence[Words]) -> list[Small]:
    """Drop requests of groups that began in an earlier part."""
    distinct, code = np.unique(np.concatenate(keys), return_inverse=True)
    part = np.concatenate(parts)
    first = np.full(len(distinct), len(PARTS), dtype=np.int8)
    np.minimum.at(first, code, part)
    kept = np.where(part == first[code], part, -1).astype(np.int8)
    ends = np.cumsum([len(it) for it in parts])[:-1]
    return [np.ascontiguousarray(it) for it in np.split(kept, ends)]
