"""A study as a report draws it, read from plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core import SignalSpec
from routelab.errors import RoutelabError
from routelab.policy_file import Certificate, SplitRecord
from routelab.replay import Figures
from routelab.replay.breakdown import Breakdown
from routelab.reports.learning_summary import (
    KindSummary,
    LearningSummary,
    PlanSummary,
    TriedSummary,
)
from routelab.tuning.study import Saving, SeedSpread, SloOutcome

Range = tuple[float, float]

_NUMBERS = ("aiq", "aiq_zero_router", "quality", "usd_per_1k", "gain_vs_zero_router", "loss")
"""Where JSON's null stands for NaN and not for an absence."""


class PointFigures(msgspec.Struct, frozen=True):
    """Figures of an operating point on test; see `routelab.replay.Figures`."""

    quality: float
    quality_ci: Range
    usd_per_1k: float
    usd_per_1k_ci: Range
    latency_p95_s: float | None
    escalation_rate: float
    gain_vs_zero_router: float
    gain_ci: Range


class TuneMeans(msgspec.Struct, frozen=True):
    """Means on tune."""

    usd_per_1k: float
    quality: float


class PointSummary(msgspec.Struct, frozen=True):
    """An operating point: why it was picked, its policy in wire form, and its figures.

    Attributes:
        on_bounds: "met", "met, not proven" or "missed"; empty without bounds.
    """

    name: str
    rule: str
    policy: Mapping[str, Any]
    test: PointFigures
    tune: TuneMeans | None = None
    on_bounds: str = ""


class DroppedRows(msgspec.Struct, frozen=True):
    """Rows of a part that could be compared, and those left out, by task."""

    n_requests: int
    n_dropped: int
    by_task: Mapping[str, int] = msgspec.field(default_factory=dict)


class BoundSummary(msgspec.Struct, frozen=True):
    """A bound of the user's, judged on test; see `BoundCheck` in `routelab.tuning.objectives`."""

    bound: str
    limit: float
    tune: float | None
    test: float
    test_ci: Range
    met: bool
    n_requests: int
    needed: int | None = None
    proven: bool | None = None


class FrontProgress(msgspec.Struct, frozen=True):
    """Share of the box of cost and quality dominated after some trials."""

    trials: int
    hypervolume: float


class SearchProgress(msgspec.Struct, frozen=True):
    """How a randomised search went; see `routelab.tuning.kinds.search_summary.SearchSummary`."""

    sampler: str
    trials: int
    feasible: int
    hypervolume: tuple[FrontProgress, ...]
    importance: Mapping[str, float] | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A study as a report needs it; None or empty where the data do not say.

    Attributes:
        test: figures of the exported policy; None where no policy met the bounds.
        verdict: its word; None where the figures are not those that a verdict was given on.
        saving: the verdict on saving at equal quality; None where nothing is saved.
        reasons: sentences, the decisive one first.
        requests_to_settle: test requests that would settle "not proven".
        policy: wire form of the exported policy.
        operating_points: with their figures on test, the exported one first.
        aiq_front: AIQ of all operating points and the candidates, on test.
        optimism: by figure, tune minus test.
        splits: sizes and rule of the parts.
        signals: costs of the signals considered, or used.
        candidates: models.
        notes: on the log and on learning, in sentences.
        front: non-dominated points on tune.
        coverage: requests compared and dropped, by part.
        provenance: what the result follows from.
        policy_digest: SHA-256 of the policy.
        breakdown: where the figures come from, by task, stage and threshold.
        kinds: every kind of policy that was searched; empty where there was one.
        tried: each of them at its own point on test; empty where there was one.
        plan: what was to be tried within a budget; None where all that was asked for was.
        cut_short: what of the plan there was no time for.
        account: how well quality can be learned on the log; None where nothing was learned.
        bounds: the user's, on test.
        search: how the randomised search went.
        certificate: what was proved; None where none was asked for.
        seeds: the study under other seeds; None where none were tried.
        slo: objectives on simulated days; None where none were given.
        missing: what the report lacks and why, in sentences.
    """

    test: Figures | None = None
    verdict: str | None = None
    saving: Saving | None = None
    reasons: tuple[str, ...] = ()
    requests_to_settle: int | None = None
    policy: Mapping[str, Any] = msgspec.field(default_factory=dict)
    operating_points: tuple[PointSummary, ...] = ()
    aiq_front: float | None = None
    optimism: Mapping[str, float | None] = msgspec.field(default_factory=dict)
    splits: SplitRecord | None = None
    signals: Mapping[str, SignalSpec] = msgspec.field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    front: tuple[TuneMeans, ...] = ()
    coverage: Mapping[str, DroppedRows] = msgspec.field(default_factory=dict)
    provenance: Mapping[str, Any] = msgspec.field(default_factory=dict)
    policy_digest: str | None = None
    breakdown: Breakdown | None = None
    kinds: tuple[KindSummary, ...] = ()
    tried: tuple[TriedSummary, ...] = ()
    plan: PlanSummary | None = None
    cut_short: tuple[str, ...] = ()
    account: LearningSummary | None = None
    bounds: tuple[BoundSummary, ...] = ()
    search: SearchProgress | None = None
    certificate: Certificate | None = None
    seeds: SeedSpread | None = None
    slo: SloOutcome | None = None
    missing: tuple[str, ...] = ()

    @property
    def wire(self) -> Mapping[str, Any]:
        """The exported policy."""
        return self.operating_points[0].policy if self.operating_points else self.policy

    @property
    def budget_s(self) -> float | None:
        """Seconds that the study had; None for all that it needed, or where it is not known."""
        options = self.provenance.get("options")
        given = options.get("budget_s") if isinstance(options, Mapping) else None
        return float(given) if isinstance(given, int | float) else None

    @property
    def name(self) -> str:
        """Of the policy."""
        options = self.provenance.get("options")
        known = options.get("name") if isinstance(options, Mapping) else None
        return self.test.policy if self.test else str(known or "policy")


def read(data: Mapping[str, Any]) -> Summary:
    """A study's plain data, checked.

    Raises:
        RoutelabError: it is not what a study writes.
    """
    try:
        return msgspec.convert(_numbers(data), Summary)
    except msgspec.ValidationError as error:
        raise RoutelabError(
            f"this is not the data of a study: {error}; tune again, or report from the log"
        ) from error


def _numbers(value: Any) -> Any:
    """The data with NaN back where JSON had to write null among numbers."""
    if isinstance(value, Mapping):
        return {
            key: math.nan if item is None and key in _NUMBERS else _numbers(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [math.nan if item is None else _numbers(item) for item in value]
    return value
