"""The first look at a log in many files: what each of them holds."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from routelab.core import Floats
from routelab.core.messages import foreign
from routelab.errors import LogError
from routelab.logs import LogBatches
from routelab.logs.model import PARTS
from routelab.metrics import OutcomeCounts, outcome_counts

_SAID = ("every call of ", "no cost of ")
"""How notes of one file begin that are told of the whole log, or by the study."""
_ELSEWHERE = "has no value on any row and is left out"
"""How notes end of what another file may have."""
Words: TypeAlias = npt.NDArray[np.uint64]


def kinds_in_file(job: tuple[LogBatches, int]) -> frozenset[str]:
    """What the messages of one file hold besides prompts.

    Args:
        job: the log and the number of the file.
    """
    batches, file = job
    return frozenset[str]().union(
        *(log.message_kinds for _, log in batches.logs(file, also=("prompt",)))
    )


def outcomes_in_file(job: tuple[LogBatches, int, tuple[str, ...]]) -> OutcomeCounts:
    """What the outcomes of one file come to, as far as their lack is judged.

    Args:
        job: the log, the number of the file, and the models to look at.
    """
    batches, file, models = job
    also = ("task",) if "task" in batches.has else ()
    found = (outcome_counts(log, models) for _, log in batches.logs(file, also=also))
    return reduce(operator.add, found)


class FileSurvey(NamedTuple):
    """What one file holds.

    Attributes:
        requests: how many.
        models, costed: that have a row, and a cost.
        signals: that have a value.
        sha256: of the file.
        extremes: earliest and latest Unix second; None if one is missing.
        times: distinct ones, as many as parts at most.
        ids: hashes of the requests; None where a row is a request.
        failed: models of which every call failed.
        lacking: models without an outcome on some request.
        notes: what reading it left out or mended, in sentences.
    """

    requests: int
    models: tuple[str, ...]
    costed: tuple[str, ...]
    signals: tuple[str, ...]
    sha256: str
    extremes: tuple[float, float] | None
    times: tuple[float, ...]
    ids: Words | None
    failed: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def survey_file(job: tuple[LogBatches, int]) -> FileSurvey:
    """Read one file for the first time."""
    batches, file = job
    n, costed, valued, models = 0, set[str](), set[str](), batches.models
    time: Floats | None = None
    ids: Words | None = None
    lost: dict[str, bool] = {}
    lacking = set[str]()
    notes: dict[str, None] = {}
    for _, log in batches.logs(file):
        n += len(log)
        if batches.wide is None:
            ids = words(log.requests.id.tolist())
        models = log.models
        for at, name in enumerate(models):
            lost[name] = lost.get(name, True) and bool(log.error[:, at].all())
            if np.isnan(log.quality[:, at]).any():
                lacking.add(name)
        notes |= dict.fromkeys(log.notes)
        costed |= set(log.costed)
        valued |= {name for name, values in log.signals.items() if not np.isnan(values).all()}
        time = log.requests.timestamp_s
    time = batches.times(file) if batches.wide is not None else time
    known = time is not None and bool(np.isfinite(time).all())
    distinct = np.unique(time)[: len(PARTS)] if known and time is not None else np.empty(0)
    return FileSurvey(
        requests=n,
        models=models,
        costed=tuple(name for name in models if name in costed),
        signals=tuple(sorted(valued)),
        sha256=batches.sha256(file),
        extremes=(float(time.min()), float(time.max())) if known and time is not None else None,
        times=tuple(distinct.tolist()),
        ids=ids,
        failed=tuple(name for name, failed in lost.items() if failed),
        lacking=tuple(sorted(lacking)),
        notes=tuple(notes),
    )


def notes_of(batches: LogBatches, seen: Sequence[FileSurvey]) -> tuple[str, ...]:
    """What a reader of a whole log should know, from what was seen of its files."""
    held = [set(it.failed) for it in seen]
    never = [name for name in batches.models if held and all(name in it for it in held)]
    lost = [f"every call of {foreign(name)} failed, as the error columns say" for name in never]
    several = len(batches.files) > 1
    found = [
        f"{path.name}: {note}" if several else note
        for path, it in zip(batches.files, seen, strict=True)
        for note in it.notes
        if not note.startswith(_SAID) and not note.endswith(_ELSEWHERE)
    ]
    return (*lost, *batches.notes, *dict.fromkeys(found))


def check_whole_requests(batches: LogBatches, seen: Sequence[FileSurvey]) -> None:
    """Refuse a log whose requests have rows in several files.

    Raises:
        LogError: naming two of the files.
    """
    known = [it.ids for it in seen if it.ids is not None]
    if not known:
        return
    file = np.repeat(np.arange(len(known)), [len(it) for it in known])
    every = np.concatenate(known)
    order = np.argsort(every, kind="stable")
    twins = np.flatnonzero(np.diff(every[order]) == 0)
    if len(twins):
        one, other = (batches.files[file[order[twins[0] + step]]].name for step in (0, 1))
        raise LogError(
            f"{batches.name}: {len(twins):,} requests have rows in more than one file, for example"
            f" in {one} and {other}; write all rows of a request into one file"
        )


def words(keys: Sequence[str]) -> Words:
    """(n,) a 64-bit hash of each key."""
    return np.fromiter(map(_word, keys), np.uint64, len(keys))


def _word(key: str) -> int:
    """64 bits of a hash: two of a hundred million groups collide once in three thousand logs."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")
