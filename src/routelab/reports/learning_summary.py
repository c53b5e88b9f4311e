"""The comparison of kinds and the account of learning as a report draws them, from plain data."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Range = tuple[float, float]


class KindSummary(msgspec.Struct, frozen=True):
    """A kind of policy that was searched; see `routelab.tuning.selection.Rival`."""

    kind: str
    aiq_tune: float | None
    won: bool
    aiq_held_out: float | None = None
    gain_behind: float | None = None
    gain_behind_ci: Range | None = None


class TriedSummary(msgspec.Struct, frozen=True):
    """A kind at its own point on test; see `routelab.tuning.selection.TriedKind`."""

    kind: str
    quality: float
    quality_ci: Range
    usd_per_1k: float
    gain: float
    gain_ci: Range
    exported: bool
    single: bool = False


class StepSummary(msgspec.Struct, frozen=True):
    """A part of a plan; see `routelab.tuning.budget.PlannedStep`."""

    name: str
    seconds: float
    later_s: float = 0.0


class PlanSummary(msgspec.Struct, frozen=True):
    """What a study was to try within its budget; see `routelab.tuning.budget.StudyPlan`."""

    kinds: tuple[str, ...]
    trials: int
    rows: int | None = None
    account: bool = True
    left_out: tuple[str, ...] = ()
    seconds: float | None = None
    steps: tuple[StepSummary, ...] = ()


class EstimateSummary(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval, and the reason where it is None."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @property
    def ci(self) -> Range | None:
        return None if self.low is None or self.high is None else (self.low, self.high)


class RankingSummary(msgspec.Struct, frozen=True):
    """One way to judge a scorer; see `routelab.learning.diagnosis.ranking.Ranking`."""

    n: int
    apgr: EstimateSummary
    cpt50: EstimateSummary
    cpt80: EstimateSummary
    deferral_area: EstimateSummary
    baselines: Mapping[str, EstimateSummary] = msgspec.field(default_factory=dict)
    lead: Mapping[str, EstimateSummary] = msgspec.field(default_factory=dict)


class BinSummary(msgspec.Struct, frozen=True):
    """One bar of a reliability diagram; the means are None or NaN in an empty one."""

    low: float
    high: float
    rows: int
    probability: float | None
    quality: float | None


class CorrectnessSummary(msgspec.Struct, frozen=True):
    """How good P(success) of one model is; see `Correctness` in `routelab.learning`."""

    n: int
    auroc: EstimateSummary
    brier: EstimateSummary
    brier_of_mean: float
    ece: EstimateSummary
    diagram: tuple[BinSummary, ...] = ()


class FeatureSummary(msgspec.Struct, frozen=True):
    """How much of what a scorer knows hangs on one feature."""

    feature: str
    rise: float
    share: float


class LearningSummary(msgspec.Struct, frozen=True):
    """What learning is worth on a log; see `routelab.learning.LearningAccount`."""

    weak: str
    strong: str
    n: int
    random: RankingSummary
    leave_task_out: RankingSummary
    test: RankingSummary
    after_answer: RankingSummary
    correctness: Mapping[str, CorrectnessSummary]
    important: tuple[FeatureSummary, ...]
    learned_task: bool | None
    statement: str
