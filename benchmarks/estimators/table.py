"""Bias, error and coverage of the estimators, world by world."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest


class Row(NamedTuple):
    """One estimator in one world.

    Attributes:
        bias, rmse: of values given, over the truth.
        covered: share of intervals that hold the truth; NaN without any.
        low, high: 95 % interval of that share.
        width: mean of the intervals, over the truth.
        refused: share of logs without a value.
    """

    world: str
    n: int
    estimator: str
    logs: int
    bias: float
    bias_error: float
    rmse: float
    covered: float
    low: float
    high: float
    width: float
    refused: float


def summary(cells: Iterable[dict[str, Any]]) -> list[Row]:
    """A row for each world, size and estimator."""
    found: dict[tuple[str, int, str], list[tuple[float, list[float | None]]]] = defaultdict(list)
    for cell in cells:
        for name, said in cell["said"].items():
            found[cell["world"], cell["n"], name].append((cell["truth"], said))
    return [_row(*key, said) for key, said in found.items()]


def _row(
    world: str, n: int, estimator: str, said: Sequence[tuple[float, list[float | None]]]
) -> Row:
    truth = said[0][0]
    values = np.array([it[0] for _, it in said if it[0] is not None], dtype=float)
    ends = np.array([it[1:] for _, it in said if it[1] is not None], dtype=float)
    hits = int(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).sum()) if len(ends) else 0
    share = binomtest(hits, len(ends)).proportion_ci(0.95) if len(ends) else None
    none = math.nan
    return Row(
        world, n, estimator, len(said),
        float(values.mean() / truth - 1) if len(values) else none,
        float(values.std() / truth / math.sqrt(len(values))) if len(values) else none,
        float(np.sqrt(np.mean((values - truth) ** 2)) / truth) if len(values) else none,
        hits / len(ends) if len(ends) else none,
        share.low if share else none, share.high if share else none,
        float((ends[:, 1] - ends[:, 0]).mean() / truth) if len(ends) else none,
        1 - len(values) / len(said),
    )  # fmt: skip


def markdown(rows: Sequence[Row]) -> str:
    """The table; coverage is marked where it is not within .93 and .97, beyond chance."""
    lines = [
        "| world | estimator | bias | RMSE | interval holds the truth | width | refused |",
        "|---|---|---|---|---|---|---|",
    ]
    for it in rows:
        off = "" if math.isnan(it.covered) else " too few" if it.high < 0.93 else (
            " too many" if it.low > 0.97 else ""
        )  # fmt: skip
        lines.append(
            f"| {it.world} | {it.estimator} | {_percent(it.bias, '+')} | {_percent(it.rmse)}"
            f" | {_percent(it.covered)}{off} | {_percent(it.width)} | {it.refused:.0%} |"
        )
    return "\n".join(lines) + "\n"


def _percent(share: float, sign: str = "") -> str:
    return "" if math.isnan(share) else f"{share:{sign}.1%}"
