"""The note at the top of a study's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.core.messages import with_interval
from routelab.policy_file import markdown_table
from routelab.tracking import names

_HEAD = ("operating point", "policy", "quality", "USD per 1,000", "gain, points")


def note(summary: Mapping[str, Any]) -> str:
    """A study as a short Markdown page: verdict, reasons, operating points on test."""
    reasons = "\n".join(f"- {reason}" for reason in summary["reasons"])
    rows = [_row(point) for point in summary["operating_points"]]
    page = f"**Verdict: {summary['verdict']}**\n\n{reasons}\n\n{markdown_table(_HEAD, rows)}\n"
    return page[:7900]


def _row(point: Mapping[str, Any]) -> tuple[str, ...]:
    test = point["test"]
    return (
        point["name"],
        names.policy(point["policy"]),
        with_interval(test["quality"], test["quality_ci"], ".3f"),
        with_interval(test["usd_per_1k"], test["usd_per_1k_ci"], ".3f"),
        with_interval(test["gain_vs_zero_router"], test["gain_ci"], "+.1f", 100),
    )
