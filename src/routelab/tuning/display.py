"""A study in a notebook: the verdict, and what its operating points are worth on test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.core.display import table
from routelab.core.wording import with_interval
from routelab.replay import Figures

if TYPE_CHECKING:
    from routelab.tuning.study import Study

_HEADS = ("operating point", "quality", "USD per 1,000", "gain, points", "escalated")


def html(study: Study) -> str:
    """Operating points with 95 % intervals, the exported one first, and why the verdict."""
    caption = f"{study.options.name}: {study.verdict.word}"
    rows = [
        _row(f"{point.name}{'' if at else ' (exported)'}", figures)
        for at, (point, figures) in enumerate(zip(study.points, study.tested, strict=True))
    ]
    return table(caption, _HEADS, rows, notes=study.verdict.reasons)


def _row(name: str, it: Figures) -> tuple[str, ...]:
    return (
        name,
        with_interval(it.quality, it.quality_ci, ".3f"),
        with_interval(it.usd_per_1k, it.usd_per_1k_ci, ".4g"),
        with_interval(it.gain_vs_zero_router, it.gain_ci, "+.1f", 100),
        f"{it.escalation_rate:.1%}",
    )
