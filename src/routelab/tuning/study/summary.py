"""A study as plain data, whether its log was in memory or read in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from routelab.policies import to_wire
from routelab.replay import Coverage, Figures
from routelab.tuning.looks import StudyLook
from routelab.tuning.objectives import BoundCheck, FrontPoint, OperatingPoint, on_bounds
from routelab.tuning.study.verdict import Verdict

if TYPE_CHECKING:
    from routelab.tuning.scores import EstimatedValue

HEADLINE = ("apgr", "apgr_test", "cpt50", "cpt80")
POINT_KEYS = (
    "quality", "quality_ci", "usd_per_1k", "usd_per_1k_ci", "latency_p50_s", "latency_p95_s",
    "escalation_rate", "model_share", "aiq", "gain_vs_zero_router", "gain_ci",
)  # fmt: skip


class Finding(Protocol):
    """What a study in memory and one in batches have in common."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def points(self) -> Sequence[OperatingPoint]: ...
    @property
    def tuned(self) -> Figures: ...
    @property
    def tested(self) -> Sequence[Figures]: ...
    @property
    def judged(self) -> Sequence[Sequence[BoundCheck]]: ...
    @property
    def front(self) -> Sequence[FrontPoint]: ...
    @property
    def aiq_front(self) -> float: ...
    @property
    def look(self) -> StudyLook | None: ...


def later_look(study: Finding) -> dict[str, Any]:
    """Which look at the test part it is; nothing of the first, as nobody has paid for it."""
    look = study.look
    return {} if look is None or look.number == 1 else {"look": msgspec.to_builtins(look)}


def estimated(value: EstimatedValue | None) -> dict[str, Any]:
    """What the exported policy is worth on test where the log is partial; nothing of others."""
    return {} if value is None else {"estimated": msgspec.to_builtins(value)}


def findings(study: Finding) -> dict[str, Any]:
    """Verdict, figures on test, operating points, bounds and optimism."""
    best = study.tested[0]
    test = msgspec.to_builtins(best)
    return {
        "verdict": study.verdict.word,
        "reasons": list(study.verdict.reasons),
        "requests_to_settle": study.verdict.requests_to_settle,
        "saving": msgspec.to_builtins(study.verdict.saving),
        "lead": msgspec.to_builtins(study.verdict.lead),
        "test": test,
        "baselines": test["baselines"],
        "operating_points": [
            _point(point, figures, judged)
            for point, figures, judged in zip(study.points, study.tested, study.judged, strict=True)
        ],
        "bounds": msgspec.to_builtins(study.judged[0]),
        "aiq_front": study.aiq_front,
        "optimism": {
            key: getattr(study.tuned, key) - getattr(best, key)
            for key in ("quality", "usd_per_1k", "gain_vs_zero_router")
        },
    }


def front(study: Finding) -> list[dict[str, Any]]:
    """Policies along the trade-off, by rising cost, as expected on other rows."""
    return [{"policy": to_wire(it.policy), **it.score._asdict()} for it in study.front]


def nothing_learned(why: str) -> dict[str, Any]:
    """What stands in the place of figures on scorers where there are none, and the reason."""
    figures = dict.fromkeys(f"{name}{end}" for name in HEADLINE for end in ("", "_ci"))
    return {**figures, "apgr_reason": why, "account": None, "recipes": None}


def coverage(left: Coverage) -> dict[str, Any]:
    """What was compared and what was left out, by task."""
    return {"n_requests": len(left.rows), "n_dropped": left.n_dropped, "by_task": left.by_task}


def _point(point: OperatingPoint, figures: Figures, judged: Sequence[BoundCheck]) -> dict[str, Any]:
    """An operating point with its figures on tune and on test."""
    measured = msgspec.to_builtins(figures)
    return {
        "name": point.name,
        "rule": point.rule,
        "policy": to_wire(point.point.policy),
        "tune": point.point.score._asdict(),
        "test": {key: measured[key] for key in POINT_KEYS},
        "bounds": msgspec.to_builtins(list(judged)),
        **({"on_bounds": on_bounds(judged)} if judged else {}),
    }
