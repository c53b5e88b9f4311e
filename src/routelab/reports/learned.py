"""What a report draws of the contest of kinds and of what was learned, read from plain data."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Range = tuple[float, float]


class Kind(msgspec.Struct, frozen=True):
    """A kind of policy that was searched; see `routelab.tuning.study.kind_choice.Rival`."""

    kind: str
    aiq_tune: float | None
    won: bool
    aiq_held_out: float | None = None
    gain_behind: float | None = None
    gain_behind_ci: Range | None = None


class Value(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval, and the reason where it is None."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @property
    def ci(self) -> Range | None:
        return None if self.low is None or self.high is None else (self.low, self.high)


class Ranked(msgspec.Struct, frozen=True):
    """One way to judge a scorer; see `routelab.learning.diagnosis.ranking.Ranking`."""

    n: int
    apgr: Value
    cpt50: Value
    cpt80: Value
    deferral_area: Value
    baselines: Mapping[str, Value] = msgspec.field(default_factory=dict)
    lead: Mapping[str, Value] = msgspec.field(default_factory=dict)


class Bin(msgspec.Struct, frozen=True):
    """One bar of a reliability diagram; the means are None or NaN in an empty one."""

    low: float
    high: float
    rows: int
    probability: float | None
    quality: float | None


class Correct(msgspec.Struct, frozen=True):
    """How good P(success) of one model is; see `routelab.learning.diagnosis.correctness.Correctness`."""

    n: int
    auroc: Value
    brier: Value
    brier_of_mean: float
    ece: Value
    diagram: tuple[Bin, ...] = ()


class Feature(msgspec.Struct, frozen=True):
    """How much of what a scorer knows hangs on one feature."""

    feature: str
    rise: float
    share: float


class Learned(msgspec.Struct, frozen=True):
    """What learning is worth on a log; see `routelab.learning.LearningAccount`."""

    weak: str
    strong: str
    n: int
    random: Ranked
    leave_task_out: Ranked
    test: Ranked
    after_answer: Ranked
    correctness: Mapping[str, Correct]
    important: tuple[Feature, ...]
    learned_task: bool | None
    statement: str
