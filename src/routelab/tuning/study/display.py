"""A study in a notebook: the verdict, and what its operating points are worth on test."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.core.messages import html_table, with_interval
from routelab.replay import Figures
from routelab.tuning.objectives import OperatingPoint
from routelab.tuning.study.verdict import Verdict

_HEADS = ("operating point", "quality", "USD per 1,000", "gain, points", "escalated")


def html(
    name: str, verdict: Verdict, points: Sequence[OperatingPoint], tested: Sequence[Figures]
) -> str:
    """Operating points with 95 % intervals, the exported one first, and why the verdict.

    Args:
        name: of the study.
        tested: figures on test, one for each operating point.
    """
    caption = f"{name}: {verdict.word}"
    rows = [
        _row(f"{point.name}{'' if at else ' (exported)'}", figures)
        for at, (point, figures) in enumerate(zip(points, tested, strict=True))
    ]
    return html_table(caption, _HEADS, rows, notes=verdict.reasons)


def _row(name: str, it: Figures) -> tuple[str, ...]:
    return (
        name,
        with_interval(it.quality, it.quality_ci, ".3f"),
        with_interval(it.usd_per_1k, it.usd_per_1k_ci, ".4g"),
        with_interval(it.gain_vs_zero_router, it.gain_ci, "+.1f", 100),
        f"{it.escalation_rate:.1%}",
    )
