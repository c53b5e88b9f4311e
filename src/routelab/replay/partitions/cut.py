"""How a log in many files is cut into parts.

The cut is the one of `routelab.logs.model.splits`, request for request. What it takes is a part and
a bucket for each request, three bytes; groups that may lie in several parts take eight more
while they are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints, Progress, uniform
from routelab.errors import LogError
from routelab.logs import LogBatches
from routelab.logs.model import (
    NEEDED,
    PARTS,
    SPLIT_EDGES,
    Log,
    Rule,
    are_many,
    came_back,
    fill_unmarked,
    is_uneven,
    marked_parts,
    of_hashes,
    part_sizes,
    parts_with_ties,
    split_keys,
    tie_keys,
    unmarked_text,
    why_empty,
)
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
        rule, group, cuts_s, tied, returning: as of `routelab.logs.model.splits.Split`.
        returned: requests of each part whose group has requests in an earlier one.
        parts: by file, (n,) index into `PARTS`; -1 where a request is dropped because its
            group began in an earlier part.
        buckets: by file, (n,) below `BUCKETS`, the same for all requests of a group.
        sha256: of the log's files.
    """

    rule: Rule
    seed: int
    group: str
    cuts_s: tuple[float, ...]
    parts: Sequence[Small]
    buckets: Sequence[npt.NDArray[np.uint16]]
    sha256: str
    tied: bool = False
    returning: bool = False
    returned: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> dict[str, int]:
        """Requests in each part."""
        return {
            name: sum(int((part == at).sum()) for part in self.parts)
            for at, name in enumerate(PARTS)
        }

    @property
    def n_groups(self) -> dict[str, int]:
        """Groups of the requests in each part, those of one bucket counted as one."""
        return {
            name: len(
                {
                    bucket
                    for part, buckets in zip(self.parts, self.buckets, strict=True)
                    for bucket in np.unique(buckets[part == at]).tolist()
                }
            )
            for at, name in enumerate(PARTS)
        }

    @property
    def dropped(self) -> int:
        """Requests whose group began in an earlier part."""
        return sum(int((part < 0).sum()) for part in self.parts)


# Long: the steps of `routelab.logs.model.splits.split`, each of them a pass over files.
# Many arguments: those of `split`, beside the log that is not in memory and who reads it.
def cut(
    batches: LogBatches,
    seen: Sequence[FileSurvey],
    workers: Workers,
    *,
    seed: int = 0,
    group: str | None = None,
    rule: Rule | None = None,
    need_all_parts: bool = True,
    tied: bool | None = None,
    exact: bool = False,
    returning: bool | None = None,
    marked: bool = True,
    progress: Progress | None = None,
) -> PartitionedSplit:
    """Cut the log .5 / .2 / .1 / .2, as `routelab.logs.model.splits.split` does.

    Args:
        batches: the log.
        seen: (files,) what the survey of each file found.
        workers: read the files again.
        seed: of the cut by hash.
        group: what is kept together; None takes the default of `split`.
        rule: "random" leaves times aside, "time" and "column" insist on what they say.
        need_all_parts: refuse a cut that leaves a part empty.
        tied, exact, returning, marked: as of `split`.
        progress: told of files that are done.
    Raises:
        LogError: the grouping is unknown or not in the log, or a part is empty.
    """
    kind = _kind(batches, group)
    files = range(len(batches.files))
    cuts: tuple[float, ...] | None = None
    marks = _marks(batches, workers, rule) if marked else None
    if marks is None and _is_timed(batches, seen, rule):
        cuts = tuple(higher(batches, seen, workers, SPLIT_EDGES.tolist()))
    starts = np.cumsum([0, *(it.requests for it in seen)])
    ties = None if cuts is None or tied is False else _ties(batches, workers, cuts, tied)
    jobs = [
        _CutJob(batches, file, int(starts[file]), kind, cuts, seed, ties, exact, marks)
        for file in files
    ]
    found = list(workers.map(_assign, jobs, progress))
    if marks is not None:
        returning = True
    parts, buckets, returned = _as_groups(found, kind, cuts is None and marks is None, returning)
    made = PartitionedSplit(
        rule="column" if marks is not None else "random" if cuts is None else "time",
        seed=seed,
        group=kind,
        cuts_s=cuts or (),
        parts=parts,
        buckets=buckets,
        sha256=of_hashes(it.sha256 for it in seen),
        tied=ties is not None,
        returning=returned is not None or marks is not None,
        returned=returned or dict.fromkeys(PARTS, 0),
    )
    empty = [part for part, n in made.n.items() if n == 0]
    if marks is not None:
        empty = [part for part in empty if part in NEEDED]
    if empty and need_all_parts and marks is not None:
        raise LogError(unmarked_text(batches.name, empty))
    if empty and need_all_parts:
        groups = sum(made.n_groups.values())  # of the parts, for those left out are of them too
        requests = int(starts[-1])
        timed = cuts is not None
        raise LogError(why_empty(batches.name, requests, groups, kind, empty, timed=timed))
    return made


def _marks(batches: LogBatches, workers: Workers, rule: str | None) -> dict[str, int] | None:
    """What the words of the log's column of parts mark, where the log is cut by it.

    Raises:
        LogError: it is to be cut by it, and cannot.
    """
    if rule not in (None, "column"):
        return None
    if "split" not in batches.has:
        if rule == "column":
            raise LogError(
                f"{batches.name}: no column says which part a request belongs to; add one,"
                " `split`, or say which it is: `columns={'split': 'COLUMN'}`"
            )
        return None
    jobs = [(batches, file) for file in range(len(batches.files))]
    words_of = set[str]().union(*workers.map(_marked_in, jobs, None))
    return marked_parts(batches.name, words_of, insisted=rule == "column")


def _marked_in(job: tuple[LogBatches, int]) -> set[str]:
    """The words of one file's column of parts."""
    batches, file = job
    found = [log.requests.split for _, log in batches.logs(file, also={"split"})]
    return {str(it) for column in found for it in (("",) if column is None else set(column))}


def _is_timed(batches: LogBatches, seen: Sequence[FileSurvey], rule: str | None) -> bool:
    """Whether the log is cut in time.

    Raises:
        LogError: it is to be, and cannot.
    """
    if rule not in (None, "column", "time", "random"):
        raise LogError(f"unknown `split` {rule!r}; choose column, time or random")
    able = all(it.extremes is not None for it in seen)
    able = able and len({time for it in seen for time in it.times}) >= len(PARTS)
    if rule == "time" and not able:
        raise LogError(
            f"{batches.name}: cannot be cut in time: a timestamp is needed on every request, and"
            f" {len(PARTS)} different ones"
        )
    return able and rule != "random"


class _Ties(NamedTuple):
    """Where times of cuts stand among all (see `parts_with_ties`): before, until, and the total."""

    before: Ints
    until: Ints
    total: int


def _ties(
    batches: LogBatches, workers: Workers, cuts: tuple[float, ...], tied: bool | None
) -> _Ties | None:
    """Counts that spread requests at the times of cuts; None where that is not needed."""
    jobs = [(batches, file, cuts) for file in range(len(batches.files))]
    counted = list(workers.map(_counted, jobs, None))
    before, until, n = (np.sum(it, axis=0) for it in zip(*counted, strict=True))
    return _Ties(before, until, int(n.sum())) if tied or is_uneven(n, before, until) else None


def _counted(job: tuple[LogBatches, int, tuple[float, ...]]) -> tuple[Ints, Ints, Ints]:
    """Of one file: requests before each cut, before or at it, and in each part."""
    batches, file, cuts = job
    time = _times_of(batches, file)
    part = np.searchsorted(cuts, time, side="right")
    before, until = ([int(it(time, cut).sum()) for cut in cuts] for it in (np.less, np.less_equal))
    return np.array(before), np.array(until), part_sizes(part)


def _times_of(batches: LogBatches, file: int) -> Floats:
    """(n,) times of one partition's requests, all of which have one."""
    time = batches.times(file)
    if time is not None:
        return np.asarray(time)
    found = [log.requests.timestamp_s for _, log in batches.logs(file)]
    return np.concatenate([it for it in found if it is not None])


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


class _CutJob(NamedTuple):
    """What cutting one file takes; `start` is the number of its first request in the log."""

    batches: LogBatches
    file: int
    start: int
    kind: str
    cuts: tuple[float, ...] | None
    seed: int
    ties: _Ties | None
    exact: bool
    marks: Mapping[str, int] | None = None


def _assign(job: _CutJob) -> _Assigned:
    batches, file, start, kind, cuts, seed, ties, exact, marks = job
    if kind == "id" and cuts is not None and ties is None:
        time = batches.times(file)
        if time is not None:
            part = np.searchsorted(cuts, time, side="right").astype(np.int8)
            return _Assigned(part, _scattered(start, len(part)), np.empty(0, np.uint64))
    key, group = _keys(batches, file, kind, exact)
    n = len(key)
    if marks is not None:
        logs = (log for _, log in batches.logs(file, also={"split"}))
        part = np.array([marks[str(word)] for log in logs for word in _words_of(log)])
        part = fill_unmarked(part, set(marks.values()), group, seed)
    elif cuts is None:
        units = np.fromiter((uniform(seed, it, "split") for it in key), np.float64, n)
        part = np.searchsorted(SPLIT_EDGES, units, side="right")
    else:
        time = _times_of(batches, file)
        part = np.searchsorted(cuts, time, side="right")
        if ties is not None:
            units = np.fromiter((uniform(seed, it, "split") for it in group), np.float64, n)
            part = parts_with_ties(time, units, np.array(cuts), *ties)
    hashed = words(group)
    of_key = hashed if key is group else words(key)
    bucket = _scattered(start, n) if kind == "id" else (of_key % BUCKETS).astype(np.uint16)
    together = cuts is not None or marks is not None
    wanted = kind == "prompt" or (together and kind != "id")
    return _Assigned(part.astype(np.int8), bucket, hashed if wanted else hashed[:0])


def _words_of(log: Log) -> Sequence[str]:
    """(n,) which part each request is marked as."""
    words_of = log.requests.split
    return [""] * len(log) if words_of is None else words_of.tolist()


def _keys(batches: LogBatches, file: int, kind: str, exact: bool) -> tuple[list[str], list[str]]:
    """Of each request, what decides its part, and what says which ones are kept together."""
    keys: list[str] = []
    groups: list[str] = []
    for _, log in batches.logs(file, also={"request_id", kind} - {"id"}):
        found = split_keys(log, kind, exact=True)[1]
        keys += map(str, found)
        if kind == "prompt" and not exact:
            groups += map(str, tie_keys(log, kind, found))
    return keys, groups or keys


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


def _as_groups(
    found: Sequence[_Assigned], kind: str, at_random: bool, returning: bool | None
) -> tuple[list[Small], list[npt.NDArray[np.uint16]], dict[str, int] | None]:
    """Parts and buckets by file, once it is known which requests of all files are one group.

    And by part the requests whose group began earlier, where they are kept; else None.
    """
    parts, buckets = [it.part for it in found], [it.bucket for it in found]
    prompts = kind == "prompt"
    if not prompts and (kind == "id" or at_random):
        return parts, buckets, None
    keys = np.concatenate([it.key for it in found])
    _, first, code = np.unique(keys, return_index=True, return_inverse=True)
    ends = np.cumsum([len(it) for it in parts])[:-1]
    part = np.concatenate(parts)
    if prompts:  # the first of those that differ in blanks and case decides for all
        buckets = _by_file(np.concatenate(buckets)[first][code], ends)
    if at_random:
        return _by_file(part[first][code], ends), buckets, None
    back = came_back(part, code)
    if returning is None:
        returning = kind != "task" and are_many(part_sizes(part), part_sizes(part[~back]))
    if not returning:
        return _by_file(np.where(back, np.int8(-1), part), ends), buckets, None
    counts = part_sizes(part[back]).tolist()
    return _by_file(part, ends), buckets, dict(zip(PARTS, counts, strict=True))


def _by_file(values: npt.NDArray[Any], ends: Ints) -> list[Any]:
    return [np.ascontiguousarray(it) for it in np.split(values, ends)]
