"""What is shown of a study at once: the numbers of a table of runs, and the note above its run.

Their names have no group (`test/...`, `baseline/...`): MLflow shows such columns first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.core.messages import markdown_text, with_interval
from routelab.policy_file import markdown_table
from routelab.tracking import names

Measured = dict[str, float | None]

_HEAD = ("operating point", "policy", "quality", "USD per 1,000", "gain, points")


def headline(summary: Mapping[str, Any]) -> Measured:
    """Figures of a study on test, in the units in which people speak of them.

    `gain_points` with its 95 % interval is what the policy adds to the zero router, in points of
    1/100 of quality; `cost_saved_share` is against the best single model, as is `quality_share`.
    """
    found = point_headline(summary["test"])
    alone = _best_alone(summary)
    if alone is None:
        return found
    quality, usd = alone["quality"], alone["usd_per_1k"]
    test = summary["test"]
    if usd:
        found["cost_saved_share"] = 1 - test["usd_per_1k"] / usd
    if quality:
        found["quality_share"] = test["quality"] / quality
    return found


def point_headline(test: Mapping[str, Any]) -> Measured:
    """The part of it that every measured point has; nothing where it was not measured on test."""
    if not test:
        return {}
    found: Measured = {"quality": test["quality"], "usd_per_1k": test["usd_per_1k"]}
    if test.get("gain_ci"):
        low, high = test["gain_ci"]
        found["gain_points"] = 100 * test["gain_vs_zero_router"]
        found["gain_points_low"], found["gain_points_high"] = 100 * low, 100 * high
    return found


def baseline_figures(summary: Mapping[str, Any]) -> Measured:
    """Quality and cost of every baseline on test, and what the policy adds to it, in points."""
    found: Measured = {}
    for it in summary["baselines"]:
        name = f"baseline/{names.metric(it['name'].replace(':', ' ').replace('=', ' '))}"
        found |= {
            f"{name}/quality": it["quality"],
            f"{name}/usd_per_1k": it["usd_per_1k"],
        }
        if it.get("quality_gain") is not None:
            found[f"{name}/gain_points"] = 100 * it["quality_gain"]
    return found


def _best_alone(summary: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The single model of the best quality; of two, the cheaper."""
    alone = {f"fixed:{name}" for name in summary["candidates"]}
    found = [it for it in summary["baselines"] if it["name"] in alone]
    return max(found, key=lambda it: (it["quality"], -it["usd_per_1k"]), default=None)


def note(summary: Mapping[str, Any]) -> str:
    """A study as a short Markdown page: verdict, reasons, operating points on test."""
    reasons = "\n".join(f"- {markdown_text(reason)}" for reason in summary["reasons"])
    rows: list[tuple[str, ...]] = [_row(point) for point in summary["operating_points"]]
    head: tuple[str, ...] = _HEAD
    words = [point.get("on_bounds", "") for point in summary["operating_points"]]
    if any(words):
        head = (*_HEAD, "bounds")
        rows = [(*row, word) for row, word in zip(rows, words, strict=True)]
    page = f"**Verdict: {summary['verdict']}**\n\n{reasons}\n\n{markdown_table(head, rows)}\n"
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
