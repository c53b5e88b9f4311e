"""A log in many files, cut and ready to be asked about its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeAlias

import numpy as np

from routelab.core import Policy, Progress
from routelab.logs import LogBatches
from routelab.logs.model import PARTS, Rule
from routelab.metrics import OutcomeCounts
from routelab.replay.cells import Spec, Stats, merged
from routelab.replay.partitions import (
    FileSurvey,
    Moments,
    MomentsQuery,
    PartitionedSplit,
    PartitionPart,
    ThresholdSample,
    Workers,
    check_whole_requests,
    cut,
    kinds_in_file,
    merged_sample,
    moments,
    notes_of,
    outcomes_in_file,
    sample_file,
    survey_file,
    tally_file,
)

Passes: TypeAlias = Callable[[str], Progress]
"""Given the name of a pass over the log, what to tell of its progress."""

SAMPLE = 50_000
"""Requests, about, whose confidences the thresholds are chosen from."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A log that was looked through once.

    Attributes:
        batches: with the models and signals of all files.
        seen: what each file holds.
    """

    batches: LogBatches
    seen: Sequence[FileSurvey]
    workers: Workers
    passes: Passes

    @property
    def name(self) -> str:
        return self.batches.name

    @property
    def models(self) -> tuple[str, ...]:
        return self.batches.models

    @property
    def costed(self) -> tuple[str, ...]:
        """Models with a cost on one row at least."""
        there = {name for it in self.seen for name in it.costed}
        return tuple(name for name in self.models if name in there)

    def message_kinds(self) -> frozenset[str]:
        """What messages hold besides prompts, which may be JSON too: one more pass over texts."""
        if not {"prompt", "messages"} & self.batches.has:
            return frozenset()
        jobs = [(self.batches, file) for file in range(len(self.batches.files))]
        found = self.workers.map(kinds_in_file, jobs, self.passes("reading messages"))
        return frozenset[str]().union(*found)

    def outcomes(self, models: Sequence[str]) -> OutcomeCounts | None:
        """What is missing of some models: one more pass, where anything is; else None."""
        wanted = set(models)
        if all(wanted <= set(it.models) - set(it.lacking) for it in self.seen):
            return None
        jobs = [
            (self.batches, file, tuple(models)) for file, it in enumerate(self.seen) if it.requests
        ]
        found = self.workers.map(outcomes_in_file, jobs, self.passes("counting what is missing"))
        return reduce(lambda one, other: one + other, found)

    def cut(
        self,
        seed: int,
        group: str | None,
        rule: Rule | None = None,
        *,
        need_all_parts: bool = True,
        tied: bool | None = None,
        exact: bool = False,
        returning: bool | None = None,
        marked: bool = True,
    ) -> PartitionedSplit:
        """The parts of the study; see `routelab.replay.partitions.cut`."""
        return cut(
            self.batches,
            self.seen,
            self.workers,
            seed=seed,
            group=group,
            rule=rule,
            tied=tied,
            exact=exact,
            returning=returning,
            marked=marked,
            need_all_parts=need_all_parts,
            progress=self.passes("splitting"),
        )

    def part(
        self, cut: PartitionedSplit, names: str | Sequence[str], candidates: Sequence[str]
    ) -> list[PartitionPart]:
        """What a task reads of a part or of several, by file; files without any are left out."""
        listed = (names,) if isinstance(names, str) else names
        numbers = [PARTS.index(name) for name in listed if name != "all"]
        starts = np.cumsum([0, *(it.requests for it in self.seen)])
        wanted = [part > -2 if "all" in listed else np.isin(part, numbers) for part in cut.parts]
        return [
            PartitionPart(
                self.batches, file, int(starts[file]), it, cut.buckets[file], tuple(candidates)
            )
            for file, it in enumerate(wanted)
            if it.any()
        ]

    def sample(self, parts: Sequence[PartitionPart], signals: tuple[str, ...]) -> ThresholdSample:
        """Confidences of about `SAMPLE` requests, and sums over all."""
        share = SAMPLE / max(1, sum(int(part.wanted.sum()) for part in parts))
        jobs = [(part._replace(buckets=None), signals, share) for part in parts]
        found = list(self.workers.map(sample_file, jobs, self.passes("sampling")))
        return merged_sample(found, parts[0].candidates, self.name)

    def tally(self, parts: Sequence[PartitionPart], specs: tuple[Spec, ...]) -> list[Stats]:
        """The statistics of each spec over a part."""
        jobs = [(part._replace(buckets=None), specs) for part in parts]
        found = list(self.workers.map(tally_file, jobs, self.passes("adding up")))
        return [merged(Stats(spec, sums[at]) for sums in found) for at, spec in enumerate(specs)]

    def moments(
        self,
        parts: Sequence[PartitionPart],
        policies: Sequence[Policy],
        asked: MomentsQuery,
        what: str,
    ) -> Moments:
        """Sums of policies over a part of the log, by bucket."""
        question = replace(asked, policies=tuple(policies))
        jobs = [(part, question) for part in parts]
        return reduce(
            lambda one, other: one + other, self.workers.map(moments, jobs, self.passes(what))
        )


def scan(batches: LogBatches, workers: Workers, passes: Passes) -> Scan:
    """Look through a log once, to know its models, its signals and its times.

    Raises:
        LogError: a file holds what cannot be; it names the file and the place.
    """
    jobs = [(batches, file) for file in range(len(batches.files))]
    seen = list(workers.map(survey_file, jobs, passes("reading")))
    check_whole_requests(batches, seen)
    models = tuple(dict.fromkeys(name for it in seen for name in it.models))
    valued = {name for it in seen for name in it.signals}
    known = batches.signals or tuple(sorted(valued))
    signals = tuple(name for name in known if name in valued)
    whole = replace(batches, models=models, signals=signals)
    return Scan(replace(whole, notes=notes_of(whole, seen)), seen, workers, passes)
